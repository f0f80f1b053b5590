import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { Database } from '../../platform/database/database.js';
import { type JobQuery, Jobs, type JobView } from '../../platform/jobs/jobs.js';
import { IngestionRepository } from './ingestion.repository.js';
import { FETCH, INGEST, type IngestData } from './job.kinds.js';

/** The jobs of a tenant, for it to see and to take back. */
@Injectable()
export class IngestionJobs {
  constructor(
    private readonly jobs: Jobs,
    private readonly database: Database,
    private readonly repository: IngestionRepository,
  ) {}

  list(businessId: string, query: JobQuery): Promise<JobView[]> {
    return this.jobs.list(businessId, query);
  }

  /** @throws AppError not_found */
  async find(businessId: string, id: string): Promise<JobView> {
    const job = await this.jobs.find(businessId, id);
    if (job === undefined) throw new AppError('not_found', `There is no job ${id}`);
    return job;
  }

  /** Cancels a job, and in the same transaction says so of its document. @throws AppError not_found, conflict */
  async cancel(businessId: string, id: string): Promise<JobView> {
    const { kind, status } = await this.find(businessId, id);
    if (kind !== INGEST && kind !== FETCH) {
      throw new AppError(
        'conflict',
        `A job of kind ${kind} cannot be cancelled: it clears up after a document that is gone`,
      );
    }
    await this.database.transaction(
      'cancel a job',
      async (tx) => {
        const data = (await this.jobs.cancel(tx, businessId, id)) as IngestData | undefined;
        if (data === undefined) throw new AppError('conflict', `The job has ended: it is ${status}`);
        await this.repository.cancel(tx, businessId, data.document_id, data.version);
      },
      { businessId },
    );
    return this.find(businessId, id);
  }
}
