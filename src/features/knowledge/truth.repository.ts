import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import type { DocumentStatus } from './documents.repository.js';
import type { Projectable } from './projection.js';

/** A document as the index should show it. */
export interface TrueDocument extends Projectable {
  status: DocumentStatus;
  chunk_count: number;
  /** A page that is to be fetched anew, and says what it said until then. */
  fetch_due: boolean;
}

/** What the index is compared with. Read from the primary: a replica may show what has just been deleted. */
@Injectable()
export class TruthRepository {
  constructor(private readonly database: Database) {}

  tenants(): Promise<string[]> {
    return this.database.tenants();
  }

  /** A part of a tenant's documents, in the order of their ids. */
  documents(
    businessId: string,
    collection: string,
    after: string | undefined,
    limit: number,
  ): Promise<TrueDocument[]> {
    return this.database.transaction(
      'read documents',
      (tx) =>
        tx.query<TrueDocument>(
          `select id, version, collection, title, metadata, status, chunk_count, fetch_due from documents
           where business_id = $1 and collection = $2 and ($3::uuid is null or id > $3) order by id limit $4`,
          [businessId, collection, after ?? null, limit],
        ),
      { businessId, idempotent: true },
    );
  }

  /** Which of these documents there are, and in which version. */
  async versions(businessId: string, ids: readonly string[]): Promise<Map<string, number>> {
    const found = await this.database.transaction(
      'read versions',
      (tx) =>
        tx.query<{ id: string; version: number }>(
          'select id, version from documents where business_id = $1 and id = any($2::uuid[])',
          [businessId, ids],
        ),
      { businessId, idempotent: true },
    );
    return new Map(found.map(({ id, version }) => [id, version]));
  }
}
