import { Global, Module } from '@nestjs/common';
import { Dependencies } from '../../resilience/dependencies.js';
import { DependencyError, type Fault } from '../../resilience/dependency-error.js';
import { Database } from '../database/database.js';
import { GuardedVectorStore } from './guarded.vector-store.js';
import { PgvectorMissing, PgvectorVectorStore } from './pgvector.vector-store.js';
import { VectorStore } from './vector-store.js';

const TIMEOUT_MS = 3_000;

/** pgvector in the database. The collections are made by who knows what goes into them (features/knowledge). */
@Global()
@Module({
  providers: [
    {
      provide: VectorStore,
      inject: [Database, Dependencies],
      useFactory: (database: Database, dependencies: Dependencies) => {
        const adapter = new PgvectorVectorStore(database);
        const dependency = dependencies.register({
          name: 'vector_store',
          criticality: 'optional',
          adapter: adapter.adapter,
          traits: adapter.traits,
          classify,
          check: (signal) => adapter.check(signal),
          timeoutMs: TIMEOUT_MS,
        });
        return new GuardedVectorStore(adapter, dependency);
      },
    },
  ],
  exports: [VectorStore],
})
export class VectorStoreModule {}

/** The vectors are in the database: its faults are theirs. */
function classify(error: unknown): Fault | undefined {
  if (error instanceof PgvectorMissing) return { reason: 'not_installed', transient: false };
  if (!(error instanceof DependencyError)) return undefined;
  const { reason, transient, counts, retryAfterMs } = error;
  return { reason, transient, counts, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}
