import { Injectable } from '@nestjs/common';
import { invalid } from '../../kernel/app-error.js';
import { comparable, isRange, type Filter } from '../../platform/database/filter.js';
import { VectorStore, type Hit } from '../../platform/vector-store/vector-store.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { Collections } from '../knowledge/collections.js';
import { Embeddings } from '../knowledge/embeddings.js';
import { Removals } from '../knowledge/removals.js';
import { type Degradation, degradationOf } from './degradations.js';
import { fuse, vectorWeight } from './fusion.js';
import { PassagesRepository, type Scope, type StoredPassage } from './passages.repository.js';

export type Mode = 'hybrid' | 'vector' | 'keyword';

export interface Found extends StoredPassage {
  score: number;
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
    private readonly removals: Removals,
  ) {}

  /**
   * While the vectors are away it finds by words, and says so. While the database is away it finds by vectors what the index
   * itself holds, unverified, as long as that is known to show nothing that was deleted or replaced.
   * @throws DependencyError of the database, when neither can be asked
   */
  async find(query: string, mode: Mode, scope: Scope, limit: number): Promise<SearchResult> {
    this.collections.assertKnown(scope.collection);
    assertComparable(scope.filter);
    const depth = depthFor(limit);
    let nearest = mode === 'keyword' ? undefined : this.nearest(query, scope, depth);
    // It is waited for below; until then what it ends with must not end the process.
    nearest?.catch(() => {});
    try {
      return await this.verified(query, mode, scope, limit, nearest);
    } catch (error) {
      if (!isDatabaseAway(error) || !this.removals.done) throw error;
      nearest ??= this.nearest(query, scope, depth);
      const found = await nearest;
      if (!found.ok) throw error;
      const because = [degradationOf(error)];
      return { ...result(this.asFound(found.hits).slice(0, limit), 'vector', because), verified: false };
    }
  }

  private async verified(
    query: string,
    mode: Mode,
    scope: Scope,
    limit: number,
    nearest: Promise<Nearest> | undefined,
  ): Promise<SearchResult> {
    if (nearest === undefined || mode === 'keyword') return this.byWords(query, scope, limit, []);
    const depth = depthFor(limit);
    const [near, worded] = await Promise.all([
      nearest,
      mode === 'hybrid' ? this.passages.byWords(query, scope, depth) : [],
    ]);
    if (!near.ok) {
      return mode === 'hybrid'
        ? result(worded.slice(0, limit), 'keyword', [near.because])
        : this.byWords(query, scope, limit, [near.because]);
    }
    const scores = this.score(mode, worded, near.hits, depth);
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
    const near = this.withoutChance(nearest);
    return fuse([
      { ids: worded.map((passage) => passage.chunk_id), weight: 1 },
      { ids: near.map((hit) => hit.payload.chunk_id), weight: vectorWeight(this.embeddings.semantic, depth) },
    ]);
  }

  /** What the index says of passages, taken for what it is. */
  private asFound(hits: readonly Hit[]): Found[] {
    return this.withoutChance(hits).map(({ score, payload }) => {
      const { business_id: _tenant, version: _version, ...passage } = payload;
      return { ...passage, score };
    });
  }

  private withoutChance(hits: readonly Hit[]): readonly Hit[] {
    return this.embeddings.semantic ? hits : hits.filter((hit) => hit.score > CHANCE);
  }

  private async byWords(
    query: string,
    scope: Scope,
    limit: number,
    because: Degradation[],
  ): Promise<SearchResult> {
    return result(await this.passages.byWords(query, scope, limit), 'keyword', because);
  }

  private async nearest(query: string, scope: Scope, depth: number): Promise<Nearest> {
    try {
      const [vector] = await this.embeddings.of([query]);
      const hits = await this.collections.use(() =>
        this.store.nearest(scope.collection, {
          businessId: scope.businessId,
          vector: vector!,
          limit: depth,
          filter: scope.filter,
        }),
      );
      // Points that are equally near come in no order of their own, which a rebuild would change.
      return { ok: true, hits: hits.toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1)) };
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      return { ok: false, because: degradationOf(error) };
    }
  }
}

type Nearest = { ok: true; hits: Hit[] } | { ok: false; because: Degradation };

// These say that there is much to do. An unverified answer is for a database that is away, and no way around its queue.
const BUSY = new Set(['pool_exhausted', 'overloaded']);

function isDatabaseAway(error: unknown): error is DependencyError {
  return error instanceof DependencyError && error.dependency === 'database' && !BUSY.has(error.reason);
}

/** @throws AppError validation_failed */
function assertComparable(filter: Filter): void {
  for (const [key, wanted] of Object.entries(filter)) {
    if (isRange(wanted) && comparable(wanted) === undefined)
      throw invalid(
        `filter.${key}`,
        'must have numbers, or dates of ISO 8601 such as 2024-05-06, at its ends',
      );
  }
}

function result(hits: Found[], retrieval: Mode, because: Degradation[]): SearchResult {
  return { hits, retrieval, degraded_because: because, verified: true };
}
