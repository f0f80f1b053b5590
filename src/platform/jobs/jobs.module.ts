import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '../database/database.js';
import { Jobs } from './jobs.js';
import { PgBossJobs } from './pg-boss.jobs.js';

/**
 * Jobs in the database. They have no dependency of their own: each of their statements goes out through the database's
 * guard, and a circuit more would only hide which of the two is sick.
 */
@Global()
@Module({
  providers: [
    { provide: Jobs, inject: [Database], useFactory: (database: Database) => new PgBossJobs(database) },
  ],
  exports: [Jobs],
})
export class JobsModule implements OnApplicationShutdown {
  constructor(private readonly jobs: Jobs) {}

  async onApplicationShutdown(): Promise<void> {
    await this.jobs.close();
  }
}
