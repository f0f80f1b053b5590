import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Deadline } from '../../kernel/deadline.js';
import { invalid } from '../../kernel/app-error.js';
import { sleep } from '../../kernel/abort.js';
import { Embedder } from '../../platform/llm/embedder.js';
import {
  CollectionMismatch,
  CollectionMissing,
  collectionSpec,
  type CollectionSpec,
  VectorStore,
} from '../../platform/vector-store/vector-store.js';
import { BootPlan } from '../../resilience/boot.plan.js';
import { Dependencies } from '../../resilience/dependencies.js';
import { DependencyError } from '../../resilience/dependency-error.js';

/** The collections that the settings name: they exist, and their vectors are the embedder's. */
@Injectable()
export class Collections implements OnModuleInit {
  private made: Promise<void> | undefined;
  private readonly fresh = new Set<string>();

  constructor(
    private readonly settings: Settings,
    private readonly store: VectorStore,
    private readonly embedder: Embedder,
    private readonly dependencies: Dependencies,
    private readonly plan: BootPlan,
  ) {}

  /** A mismatch ends the start unless COLLECTION_MISMATCH says to go on by words alone; an index that is away is made later. */
  onModuleInit(): void {
    const refuse = this.settings.COLLECTION_MISMATCH === 'refuse';
    const dependency = this.dependencies.get('vector_store')!;
    const run = () =>
      this.ready().catch((error: unknown) => {
        const mismatch = error instanceof DependencyError && error.cause instanceof CollectionMismatch;
        throw mismatch && refuse ? error.cause : error;
      });
    this.plan.add({ name: dependency.name, after: this.store.needs, dependency, run });
  }

  /** Resolves when every collection is there. Makes those that are missing, once. @throws DependencyError */
  ready(): Promise<void> {
    this.made ??= this.renew().catch((error: unknown) => {
      this.made = undefined;
      throw error;
    });
    return this.made;
  }

  /** Looks again whether every collection is there, and makes those that are not. @throws DependencyError */
  async renew(): Promise<void> {
    try {
      // Free of the deadline of whoever comes first: the others wait for the same.
      await Deadline.none(() => this.make());
    } catch (error) {
      if (!(error instanceof CollectionMismatch)) throw error;
      throw new DependencyError('vector_store', 'open the collections', 'mismatch', { cause: error });
    }
  }

  /**
   * Does something with the index. If that has lost its collections, they are made again first: they are empty then, and
   * filled again in the background (`Reconciler`).
   * @throws DependencyError
   */
  async use<T>(work: () => Promise<T>): Promise<T> {
    const made = this.ready();
    await this.inTime(made);
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CollectionMissing)) throw error;
      // Of many who find it missing at once, the first makes it again and the others wait for that.
      if (this.made === made) this.made = undefined;
      await this.inTime(this.ready());
      return this.again(work);
    }
  }

  /** Missing again as soon as it was made: somebody else takes it away, and nothing is found in it. */
  private async again<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CollectionMissing)) throw error;
      throw new DependencyError('vector_store', 'open the collections', 'bad_reply', { cause: error });
    }
  }

  /** Whoever waits for an answer waits no longer than a search may take: making collections may take longer. */
  private async inTime(made: Promise<void>): Promise<void> {
    const deadline = Deadline.current();
    if (deadline?.kind !== 'request') return made;
    const withinMs = Math.min(deadline.remainingMs(), this.settings.VECTOR_SEARCH_TIMEOUT_MS);
    const over = new AbortController();
    const late = sleep(withinMs, AbortSignal.any([deadline.signal, over.signal])).then(() => {
      throw new DependencyError('vector_store', 'open the collections', 'timeout', { counts: false });
    });
    try {
      await Promise.race([made, late]);
    } finally {
      late.catch(() => {}); // nobody waits for it any more
      over.abort();
    }
  }

  /** Those that this process made, and whose documents, if there are any, are therefore still to come. */
  get empty(): ReadonlySet<string> {
    return this.fresh;
  }

  /** They were filled. */
  filled(names: Iterable<string>): void {
    for (const name of names) this.fresh.delete(name);
  }

  /** @throws AppError validation_failed */
  assertKnown(name: string): void {
    if (this.settings.COLLECTIONS.includes(name)) return;
    throw invalid(
      'collection',
      `must be one of ${this.settings.COLLECTIONS.join(', ')} (the setting COLLECTIONS)`,
    );
  }

  /** What a collection of this name has to be. */
  spec(name: string): CollectionSpec {
    return collectionSpec(name, this.embedder.model, this.embedder.dimension);
  }

  private async make(): Promise<void> {
    for (const name of this.settings.COLLECTIONS) {
      if (await this.store.ensure(this.spec(name))) this.fresh.add(name);
    }
    // Also those that somebody else made, who may not have come to fill them.
    for (const { name, alias, points } of await this.store.collections()) {
      const known = alias ?? name;
      if (points === 0 && this.settings.COLLECTIONS.includes(known)) this.fresh.add(known);
    }
  }
}
