import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Dependencies } from '../../resilience/dependencies.js';
import { DependencyError, type Fault } from '../../resilience/dependency-error.js';
import { Database } from '../database/database.js';
import { CollectionFigures } from './collection.figures.js';
import { GuardedVectorStore } from './guarded.vector-store.js';
import { PgvectorMissing } from './pgvector.collections.js';
import { PgvectorVectorStore } from './pgvector.vector-store.js';
import { CONCURRENCY_MAX } from './qdrant.client.js';
import { classifyQdrant } from './qdrant.faults.js';
import { QdrantVectorStore } from './qdrant.vector-store.js';
import { VectorStore } from './vector-store.js';

const TIMEOUT_MS = 3_000;
// A search takes milliseconds. One that takes so long is either a large one, and the check is answered, or is not answered.
const DOUBT_MS = 350;

/**
 * `QDRANT_URL` set → a Qdrant server, else pgvector in the database. The collections are made by who knows what goes into
 * them (features/knowledge).
 */
@Global()
@Module({
  providers: [
    {
      provide: VectorStore,
      inject: [Settings, Database, Dependencies],
      useFactory: (settings: Settings, database: Database, dependencies: Dependencies) => {
        const { QDRANT_URL: url, QDRANT_API_KEY: key, VECTOR_SEARCH_TIMEOUT_MS: searchTimeoutMs } = settings;
        const adapter =
          url === undefined ? new PgvectorVectorStore(database) : new QdrantVectorStore(url, key);
        const figures = new CollectionFigures(adapter);
        const dependency = dependencies.register({
          name: 'vector_store',
          criticality: 'optional',
          adapter: adapter.adapter,
          traits: adapter.traits,
          check: async (signal) => {
            await adapter.check(signal);
            figures.refresh();
          },
          part: 'vector',
          affects:
            'Search and answers go by words alone (retrieval: keyword); new documents wait to be found by meaning.',
          facts: () => ({
            ...figures.facts,
            ...(adapter instanceof QdrantVectorStore && { connects: adapter.connects }),
          }),
          timeoutMs: TIMEOUT_MS,
          ...(url === undefined
            ? { classify: classifyPgvector, within: 'database', setting: 'DATABASE_URL' }
            : {
                classify: classifyQdrant,
                setting: 'QDRANT_URL',
                concurrencyMax: CONCURRENCY_MAX,
                doubtMs: DOUBT_MS,
              }),
        });
        return new GuardedVectorStore(adapter, dependency, searchTimeoutMs);
      },
    },
  ],
  exports: [VectorStore],
})
export class VectorStoreModule implements OnApplicationShutdown {
  constructor(private readonly store: VectorStore) {}

  async onApplicationShutdown(): Promise<void> {
    await this.store.close();
  }
}

/** The vectors are in the database: its faults are theirs. */
function classifyPgvector(error: unknown): Fault | undefined {
  if (error instanceof PgvectorMissing) return { reason: 'not_installed', transient: false };
  if (!(error instanceof DependencyError)) return undefined;
  const { reason, transient, counts, retryAfterMs } = error;
  return { reason, transient, counts, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}
