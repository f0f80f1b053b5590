import { Injectable } from '@nestjs/common';
import { newId } from '../../kernel/ids.js';
import { Database, type Transaction } from '../../platform/database/database.js';

/** What the index needs to know of a document. */
export interface ProjectedDocument {
  id: string;
  version: number;
  collection: string;
  title: string;
  metadata: Record<string, unknown>;
  interrupted: number;
  source_url: string | null;
  /** How often its page could not be had since it was asked for. */
  fetch_failures: number;
  /** Names this run: only the run that began last may say how the document stands. */
  run: string;
}

/** The state of a document on its way into the index. Each change is made only to the version that it is about. */
@Injectable()
export class IngestionRepository {
  constructor(private readonly database: Database) {}

  /**
   * Begins a run. One that finds the document in the hands of another knows that the other was cut off.
   * @param fetch whether the run is to fetch its page, or to embed what is there
   * @returns undefined when the document is gone, of another version, or has settled, or when it is the other's turn
   */
  async begin(
    businessId: string,
    id: string,
    version: number,
    fetch: boolean,
  ): Promise<ProjectedDocument | undefined> {
    const [document] = await this.update<ProjectedDocument>(
      'begin a document',
      businessId,
      `update documents set interrupted = interrupted + (status = 'processing')::int, status = 'processing', run = $4, updated_at = now()
       where business_id = $1 and id = $2 and version = $3 and status in ('queued', 'processing') and fetch_due = $5
       returning id, version, collection, title, metadata, interrupted, source_url, fetch_failures, run`,
      [id, version, newId(), fetch],
    );
    return document;
  }

  /** @returns false when the document is gone, or no longer in the hands of this run */
  async finish(businessId: string, { id, run }: ProjectedDocument): Promise<boolean> {
    const done = await this.update(
      'finish a document',
      businessId,
      `update documents set status = 'ready', interrupted = 0, error_code = null, error_message = null, updated_at = now()
       where business_id = $1 and id = $2 and run = $3 and status = 'processing' returning id`,
      [id, run],
    );
    return done.length > 0;
  }

  /**
   * Back into the queue, through no fault of the document.
   * @param pageFailed it is the page that could not be had, which is counted
   */
  async wait(
    businessId: string,
    { id, run }: ProjectedDocument,
    message: string,
    pageFailed = false,
  ): Promise<void> {
    await this.update(
      'put a document back',
      businessId,
      `update documents set status = 'queued', error_code = 'waiting', error_message = $4, updated_at = now(),
         fetch_failures = fetch_failures + $5::int
       where business_id = $1 and id = $2 and run = $3 and status = 'processing'`,
      [id, run, message, pageFailed ? 1 : 0],
    );
  }

  async fail(
    businessId: string,
    { id, run }: ProjectedDocument,
    code: string,
    message: string,
  ): Promise<void> {
    await this.update(
      'give up a document',
      businessId,
      `update documents set status = 'failed', error_code = $4, error_message = $5, updated_at = now()
       where business_id = $1 and id = $2 and run = $3 and status = 'processing'`,
      [id, run, code, message],
    );
  }

  /** As part of the transaction that takes the job back. */
  async cancel(tx: Transaction, businessId: string, id: string, version: number): Promise<void> {
    await tx.query(
      `update documents set status = 'failed', error_code = 'cancelled', error_message = 'Its job was cancelled. It can be retried',
         run = null, updated_at = now()
       where business_id = $1 and id = $2 and version = $3 and status in ('queued', 'processing')`,
      [businessId, id, version],
    );
  }

  async currentVersion(businessId: string, id: string): Promise<number | undefined> {
    const [row] = await this.update<{ version: number }>(
      'read a version',
      businessId,
      'select version from documents where business_id = $1 and id = $2',
      [id],
    );
    return row?.version;
  }

  /** Each of these statements may be repeated: it sets what it sets, or finds it set. */
  private update<Row>(
    operation: string,
    businessId: string,
    sql: string,
    parameters: unknown[],
  ): Promise<Row[]> {
    return this.database.transaction(operation, (tx) => tx.query<Row>(sql, [businessId, ...parameters]), {
      businessId,
    });
  }
}
