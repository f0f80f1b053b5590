import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../platform/database/database.js';

export interface JobDescription {
  id: string;
  role: string;
  description: string;
  metadata: Record<string, unknown>;
  created_at: Date;
}

/** Job descriptions as rows. */
@Injectable()
export class JobDescriptionsRepository {
  constructor(private readonly database: Database) {}

  /** Stores one; one with this id stays as it is. */
  async store(
    tx: Transaction,
    businessId: string,
    { id, role, description, metadata }: Omit<JobDescription, 'created_at'>,
  ): Promise<void> {
    await tx.query(
      `insert into job_descriptions (id, business_id, role, description, metadata) values ($1, $2, $3, $4, $5)
       on conflict (id) do nothing`,
      [id, businessId, role, description, JSON.stringify(metadata)],
    );
  }

  async find(businessId: string, id: string): Promise<JobDescription | undefined> {
    return this.database.transaction(
      'find a job description',
      async (tx) => {
        const [found] = await tx.query<JobDescription>(
          `select id, role, description, metadata, created_at from job_descriptions where business_id = $1 and id = $2`,
          [businessId, id],
        );
        return found;
      },
      { businessId, idempotent: true },
    );
  }

  /** @returns whether it is there; until the end of the transaction nothing refers to it anew then */
  async hold(tx: Transaction, businessId: string, id: string): Promise<boolean> {
    const found = await tx.query(
      `select 1 from job_descriptions where business_id = $1 and id = $2 for update`,
      [businessId, id],
    );
    return found.length > 0;
  }

  /** Removes one with all that was noted for it. @returns whether it was there */
  async remove(tx: Transaction, businessId: string, id: string): Promise<boolean> {
    const removed = await tx.query(
      `delete from job_descriptions where business_id = $1 and id = $2 returning id`,
      [businessId, id],
    );
    return removed.length > 0;
  }
}
