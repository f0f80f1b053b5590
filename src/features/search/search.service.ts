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

// Each ranking is looked at further down than is asked for: the truth filter takes out what the index still has and the
// database no longer.
const depthFor = (limit: number) => 2 * limit + 50;
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
    const depth = depthFor(limit);
    const [nearest, worded] = await Promise.all([
      this.nearest(query, scope, depth),
      mode === 'hybrid' ? this.passages.byWords(query, scope, depth) : [],
    ]);
    if (!nearest.ok) {
      return mode === 'hybrid'
        ? result(worded.slice(0, limit), 'keyword', [nearest.because])
        : this.byWords(query, scope, limit, [nearest.because]);
    }
    const scores = this.score(mode, worded, nearest.hits, depth);
    // All of them, also those found by words: between the two searches a document may have been replaced, and its two
    // versions must not stand side by side.
    const current = await this.passages.current([...scores.keys()], scope);
    const hits: Found[] = [];
    for (const [id, score] of scores) {
      const passage = current.get(id);
      if (passage !== undefined) hits.push({ ...passage, score });
    }
    return result(hits.slice(0, limit), mode, []);
  }

  /** The score of each chunk, the best first. */
  private score(
    mode: 'hybrid' | 'vector',
    worded: readonly Found[],
    nearest: readonly Hit[],
    depth: number,
  ): Map<string, number> {
    if (mode === 'vector') return new Map(nearest.map((hit) => [hit.payload.chunk_id, hit.score]));
    const { semantic } = this.embeddings;
    const near = semantic ? nearest : nearest.filter((hit) => hit.score > CHANCE);
    return fuse([
      { ids: worded.map((passage) => passage.chunk_id), weight: 1 },
      { ids: near.map((hit) => hit.payload.chunk_id), weight: vectorWeight(semantic, depth) },
    ]);
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
    depth: number,
  ): Promise<{ ok: true; hits: Hit[] } | { ok: false; because: Degradation }> {
    try {
      const [vector] = await this.embeddings.of([query]);
      await this.collections.ready();
      const hits = await this.store.nearest(scope.collection, {
        businessId: scope.businessId,
        vector: vector!,
        limit: depth,
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
