import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Deadline } from '../../kernel/deadline.js';
import { invalid } from '../../kernel/app-error.js';
import { Embedder } from '../../platform/llm/embedder.js';
import { CollectionMismatch, collectionSpec, VectorStore } from '../../platform/vector-store/vector-store.js';
import { Dependencies } from '../../resilience/dependencies.js';

/** The collections that the settings name: they exist, and their vectors are the embedder's. */
@Injectable()
export class Collections implements OnModuleInit {
  private made: Promise<void> | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly store: VectorStore,
    private readonly embedder: Embedder,
    private readonly dependencies: Dependencies,
  ) {}

  /** @throws CollectionMismatch; an index that is away is waited for by whoever needs it */
  async onModuleInit(): Promise<void> {
    let mismatch: CollectionMismatch | undefined;
    await this.dependencies.open(this.dependencies.get('vector_store')!, async () => {
      await this.ready().catch((error: unknown) => {
        if (error instanceof CollectionMismatch) mismatch = error;
        throw error;
      });
    });
    if (mismatch !== undefined) throw mismatch;
  }

  /** Resolves when every collection is there. Makes those that are missing, once. */
  ready(): Promise<void> {
    // Free of the deadline of whoever comes first: the others wait for the same.
    this.made ??= Deadline.none(() => this.make()).catch((error: unknown) => {
      this.made = undefined;
      throw error;
    });
    return this.made;
  }

  /** @throws AppError validation_failed */
  assertKnown(name: string): void {
    if (this.settings.COLLECTIONS.includes(name)) return;
    throw invalid(
      'collection',
      `must be one of ${this.settings.COLLECTIONS.join(', ')} (the setting COLLECTIONS)`,
    );
  }

  private async make(): Promise<void> {
    const { model, dimension } = this.embedder;
    for (const name of this.settings.COLLECTIONS)
      await this.store.ensure(collectionSpec(name, model, dimension));
  }
}
