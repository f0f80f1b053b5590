import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { derivedId, newId } from '../../kernel/ids.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Idempotency } from '../../platform/database/idempotency.js';
import { type JobDescription, JobDescriptionsRepository } from './job-descriptions.repository.js';
import { QuestionsRepository } from './questions.repository.js';

/** Keeps job descriptions. */
@Injectable()
export class JobDescriptions {
  constructor(
    private readonly database: Database,
    private readonly repository: JobDescriptionsRepository,
    private readonly questions: QuestionsRepository,
    private readonly idempotency: Idempotency,
  ) {}

  /** @param key under which the client may send it again and get the same answer. @returns its id */
  accept(
    businessId: string,
    job: Pick<JobDescription, 'role' | 'description' | 'metadata'>,
    key?: string,
  ): Promise<string> {
    return this.idempotency.once(
      'store a job description',
      async (tx) => {
        const id = newId();
        await this.repository.store(tx, businessId, { id, ...job });
        return id;
      },
      { businessId, key, request: { 'job-descriptions': job } },
    );
  }

  /**
   * Keeps the description of a request for suggestions, within the transaction: the same one once, however often it is asked
   * with. @returns its id
   */
  async rememberIn(
    tx: Transaction,
    businessId: string,
    job: Pick<JobDescription, 'role' | 'description'>,
  ): Promise<string> {
    const id = derivedId('job description', businessId, job.role, job.description);
    await this.repository.store(tx, businessId, { id, ...job, metadata: {} });
    return id;
  }

  /** @throws AppError not_found */
  async find(businessId: string, id: string): Promise<JobDescription> {
    return (await this.repository.find(businessId, id)) ?? missing(id);
  }

  /** Removes one. No question was suggested for it any more, so that none is popular for what is gone. @throws AppError not_found */
  async remove(businessId: string, id: string): Promise<void> {
    await this.database.transaction(
      'remove a job description',
      async (tx) => {
        if (!(await this.repository.hold(tx, businessId, id))) missing(id);
        await this.questions.unnote(tx, businessId, id);
        await this.repository.remove(tx, businessId, id);
      },
      { businessId },
    );
  }
}

function missing(id: string): never {
  throw new AppError('not_found', `There is no job description ${id}`);
}
