import type { Dependency, Traits } from '../../resilience/dependency.js';
import {
  VectorStore,
  type CollectionSpec,
  type CollectionView,
  type Hit,
  type Listing,
  type Nearest,
  type Page,
  type Point,
} from './vector-store.js';

// A search is waited for by a user, who can be given keywords instead; everything else by a job or an operator.
const BACKGROUND_TIMEOUT_MS = 30_000;
// A search that takes this share of what it may take is a sign of trouble even when it succeeds.
const SLOW = 2 / 3;

/** The vector store behind its circuit. Everything that it is asked can be asked again: points have ids of their own. */
export class GuardedVectorStore extends VectorStore {
  readonly adapter: string;
  override readonly needs: readonly string[];
  readonly traits: Traits;

  constructor(
    private readonly inner: VectorStore,
    private readonly dependency: Dependency,
    private readonly searchTimeoutMs: number,
  ) {
    super();
    this.needs = inner.needs;
    this.adapter = inner.adapter;
    this.traits = inner.traits;
  }

  ensure(spec: CollectionSpec): Promise<boolean> {
    return this.background('ensure a collection', (signal) => this.inner.ensure(spec, signal));
  }

  create(spec: CollectionSpec, name: string): Promise<void> {
    return this.background('create a collection', (signal) => this.inner.create(spec, name, signal));
  }

  collections(): Promise<CollectionView[]> {
    return this.background('look at the collections', (signal) => this.inner.collections(signal));
  }

  upsert(collection: string, points: readonly Point[]): Promise<void> {
    return this.background('upsert points', (signal) => this.inner.upsert(collection, points, signal));
  }

  remove(collection: string, document: Parameters<VectorStore['remove']>[1]): Promise<void> {
    return this.background('remove points', (signal) => this.inner.remove(collection, document, signal));
  }

  nearest(collection: string, query: Nearest): Promise<Hit[]> {
    return this.dependency.call('search', (signal) => this.inner.nearest(collection, query, signal), {
      idempotent: true,
      timeoutMs: this.searchTimeoutMs,
      withinMs: this.searchTimeoutMs,
      slowMs: SLOW * this.searchTimeoutMs,
    });
  }

  count(collection: string, of: Parameters<VectorStore['count']>[1]): Promise<number> {
    return this.background('count points', (signal) => this.inner.count(collection, of, signal));
  }

  list(collection: string, of: Listing): Promise<Page> {
    return this.background('list points', (signal) => this.inner.list(collection, of, signal));
  }

  alias(alias: string, collection: string): Promise<void> {
    return this.background('move an alias', (signal) => this.inner.alias(alias, collection, signal));
  }

  drop(collection: string): Promise<void> {
    return this.background('drop a collection', (signal) => this.inner.drop(collection, signal));
  }

  check(signal: AbortSignal): Promise<void> {
    return this.inner.check(signal);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private background<T>(operation: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.dependency.call(operation, work, { idempotent: true, timeoutMs: BACKGROUND_TIMEOUT_MS });
  }
}
