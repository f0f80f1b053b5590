import { Injectable } from '@nestjs/common';
import { VectorStore, type Hit } from '../../platform/vector-store/vector-store.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { Collections } from '../knowledge/collections.js';
import { Embeddings } from '../knowledge/embeddings.js';
import { fuse, vectorWeight } from './fusion.js';
import { PassagesRepository, type Scope, type StoredPassage } from './passages.repository.js';

export type Mode = 'hybrid' | 'vector' | 'keyword';

export interface Found extends StoredPassage {
  score: number;
}

/** Why an answer is less than it might be. */
export interface Degradation {
  dependency: string;
  reason: string;
}

export interface SearchResult {
  hits: Found[];
  /** What the hits were found by. */
  retrieval: Mode | 'none';
  degraded_because: Degradation[];
  /** Whether each hit was checked against the database. */
  verified: boolean;
}

// Each ranking is looked at so far down: enough for a page of a hundred, and for what the truth filter takes out.
const DEPTH = 100;
// Vectors that know no meaning are as near as this by chance alone: beside words they would be noise.
const CHANCE = 0.2;

/** Finds passages by their words, by their vectors, or by both; and never shows one that is not true now. */
@Injectable()
export class Search {
  constructor(
    private readonly passages: PassagesRepository,
    private readonly store: VectorStore,
    private readonly embeddings: Embeddings,
    private readonly collections: Collections,
  ) {}

  /** While the vectors are away it finds by words, and says so. @throws DependencyError when the database is away */
  async find(query: string, mode: Mode, scope: Scope, limit: number): Promise<SearchResult> {
    this.collections.assertKnown(scope.collection);
    if (mode === 'keyword') return this.byWords(query, scope, limit, []);
    const [nearest, worded] = await Promise.all([
      this.nearest(query, scope),
      mode === 'hybrid' ? this.passages.byWords(query, scope, DEPTH) : [],
    ]);
    if (!nearest.ok) {
      return mode === 'hybrid'
        ? result(worded.slice(0, limit), 'keyword', [nearest.because])
        : this.byWords(query, scope, limit, [nearest.because]);
    }
    const near =
      this.embeddings.semantic || mode === 'vector'
        ? nearest.hits
        : nearest.hits.filter((hit) => hit.score > CHANCE);
    const words = new Map(worded.map((passage) => [passage.chunk_id, passage]));
    const unchecked = near.map((hit) => hit.payload.chunk_id).filter((id) => !words.has(id));
    const checked = await this.passages.current(unchecked, scope);
    const scores =
      mode === 'vector'
        ? new Map(near.map((hit) => [hit.payload.chunk_id, hit.score]))
        : fuse([
            { ids: [...words.keys()], weight: 1 },
            {
              ids: near.map((hit) => hit.payload.chunk_id),
              weight: vectorWeight(this.embeddings.semantic, DEPTH),
            },
          ]);
    const hits: Found[] = [];
    for (const [id, score] of scores) {
      const passage = words.get(id) ?? checked.get(id);
      if (passage !== undefined) hits.push({ ...passage, score });
    }
    return result(hits.slice(0, limit), mode, []);
  }

  private async byWords(
    query: string,
    scope: Scope,
    limit: number,
    because: Degradation[],
  ): Promise<SearchResult> {
    return result(await this.passages.byWords(query, scope, limit), 'keyword', because);
  }

  private async nearest(
    query: string,
    scope: Scope,
  ): Promise<{ ok: true; hits: Hit[] } | { ok: false; because: Degradation }> {
    try {
      const [vector] = await this.embeddings.of([query]);
      await this.collections.ready();
      const hits = await this.store.nearest(scope.collection, {
        businessId: scope.businessId,
        vector: vector!,
        limit: DEPTH,
        filter: scope.filter,
      });
      return { ok: true, hits };
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      return { ok: false, because: { dependency: error.dependency, reason: error.reason } };
    }
  }
}

function result(hits: Found[], retrieval: Mode, because: Degradation[]): SearchResult {
  return { hits, retrieval, degraded_because: because, verified: true };
}
