import type { Dependency, Traits } from '../../resilience/dependency.js';
import { VectorStore, type CollectionSpec, type Hit, type Nearest, type Point } from './vector-store.js';

// A search is waited for by a user, who can be given keywords instead; a write is waited for by a job.
const SEARCH_TIMEOUT_MS = 3_000;
const SEARCH_SLOW_MS = 2_000;
const WRITE_TIMEOUT_MS = 30_000;

/** The vector store behind its circuit. Everything that it is asked can be asked again: points have ids of their own. */
export class GuardedVectorStore extends VectorStore {
  readonly adapter: string;
  readonly traits: Traits;

  constructor(
    private readonly inner: VectorStore,
    private readonly dependency: Dependency,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
  }

  ensure(spec: CollectionSpec): Promise<void> {
    return this.write('ensure a collection', (signal) => this.inner.ensure(spec, signal));
  }

  upsert(collection: string, points: readonly Point[]): Promise<void> {
    return this.write('upsert points', (signal) => this.inner.upsert(collection, points, signal));
  }

  remove(collection: string, document: Parameters<VectorStore['remove']>[1]): Promise<void> {
    return this.write('remove points', (signal) => this.inner.remove(collection, document, signal));
  }

  nearest(collection: string, query: Nearest): Promise<Hit[]> {
    return this.dependency.call('search', (signal) => this.inner.nearest(collection, query, signal), {
      idempotent: true,
      timeoutMs: SEARCH_TIMEOUT_MS,
      slowMs: SEARCH_SLOW_MS,
    });
  }

  count(collection: string, of: Parameters<VectorStore['count']>[1]): Promise<number> {
    return this.dependency.call('count points', (signal) => this.inner.count(collection, of, signal), {
      idempotent: true,
      timeoutMs: SEARCH_TIMEOUT_MS,
    });
  }

  alias(alias: string, collection: string): Promise<void> {
    return this.write('move an alias', (signal) => this.inner.alias(alias, collection, signal));
  }

  drop(collection: string): Promise<void> {
    return this.write('drop a collection', (signal) => this.inner.drop(collection, signal));
  }

  check(signal: AbortSignal): Promise<void> {
    return this.inner.check(signal);
  }

  private write<T>(operation: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.dependency.call(operation, work, { idempotent: true, timeoutMs: WRITE_TIMEOUT_MS });
  }
}
