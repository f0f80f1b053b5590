import { Global, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Dependencies } from '../../resilience/dependencies.js';
import type { Dependency } from '../../resilience/dependency.js';
import { Database } from './database.js';
import { GuardedDatabase } from './guarded.database.js';
import { PgliteDatabase } from './pglite.database.js';
import { classifyPostgres } from './postgres.faults.js';
import { PostgresDatabase } from './postgres.database.js';

/** `DATABASE_URL` set → a PostgreSQL server, else PGlite in `DATA_DIR`. */
@Global()
@Module({
  providers: [
    {
      provide: Database,
      inject: [Settings, Dependencies],
      useFactory: (settings: Settings, dependencies: Dependencies) => {
        const adapter =
          settings.DATABASE_URL === undefined
            ? new PgliteDatabase(settings)
            : new PostgresDatabase(settings, settings.DATABASE_URL);
        return new GuardedDatabase(adapter, register(dependencies, adapter, settings));
      },
    },
  ],
  exports: [Database],
})
export class DatabaseModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly database: Database,
    private readonly dependencies: Dependencies,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.dependencies.open(this.dependencies.get('database')!, (signal) => this.database.open(signal));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}

function register(dependencies: Dependencies, adapter: Database, settings: Settings): Dependency {
  return dependencies.register({
    name: 'database',
    criticality: 'critical',
    adapter: adapter.adapter,
    traits: adapter.traits,
    classify: classifyPostgres,
    check: (signal) => adapter.check(signal),
    facts: () => ({ pool: adapter.pool() }),
    // A transaction may hold several statements; each has its own, shorter limit.
    timeoutMs: 2 * settings.DB_STATEMENT_TIMEOUT_MS,
  });
}
