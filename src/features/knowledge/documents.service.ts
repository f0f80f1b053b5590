import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { Database } from '../../platform/database/database.js';
import { Idempotency } from '../../platform/database/idempotency.js';
import {
  type DocumentChange,
  DocumentWriter,
  type PageSubmission,
  type Submission,
} from './document.writer.js';
import { type DocumentRecord, DocumentsRepository, type DocumentStatus } from './documents.repository.js';

/** Takes documents in, shows them, and lets them go. */
@Injectable()
export class Documents {
  constructor(
    private readonly repository: DocumentsRepository,
    private readonly writer: DocumentWriter,
    private readonly database: Database,
    private readonly idempotency: Idempotency,
  ) {}

  /**
   * Takes a document in. When this resolves, the document, its chunks and the job that embeds them are committed: it can be
   * found by its words at once, and by its vectors soon. Of a page it is the document and the job that fetches it.
   * @param key under which the client may send it again and get the same answer
   * @returns its id: a new one, or that of the document with the same external id, whose place it takes
   */
  async accept(businessId: string, submission: Submission | PageSubmission, key?: string): Promise<string> {
    const prepared = await this.writer.prepare(submission);
    const changes: DocumentChange[] = [];
    const id = await this.idempotency.once(
      'store a document',
      async (tx) => {
        const stored = await this.writer.storeIn(tx, businessId, prepared);
        changes.push(stored);
        return stored.id;
      },
      { businessId, key, request: { documents: submission } },
    );
    await this.writer.committed(businessId, changes);
    return id;
  }

  /** @throws AppError not_found */
  async find(businessId: string, id: string): Promise<DocumentRecord> {
    return (await this.repository.find(businessId, id)) ?? missing(id);
  }

  /** The text that the chunks' offsets count in. @throws AppError not_found, conflict */
  async content(businessId: string, id: string): Promise<string> {
    const { content } = (await this.repository.content(businessId, id)) ?? missing(id);
    if (content === null)
      throw new AppError('conflict', 'The page of the document is not fetched yet: wait until it is ready');
    return content;
  }

  list(
    businessId: string,
    where: {
      collection?: string;
      externalId?: string;
      status?: DocumentStatus;
      after?: string;
      limit: number;
    },
  ): Promise<DocumentRecord[]> {
    return this.repository.list(businessId, where);
  }

  /** From the moment that this resolves no answer shows the document. @throws AppError not_found */
  async remove(businessId: string, id: string): Promise<void> {
    const removed = await this.database.transaction(
      'remove a document',
      async (tx) => (await this.writer.removeIn(tx, businessId, id)) ?? missing(id),
      { businessId },
    );
    await this.writer.committed(businessId, [removed]);
  }

  /**
   * Embeds a document anew that has failed, or that is ready; one that is a page is fetched anew first, and shows what it
   * said until then.
   * @throws AppError not_found, conflict
   */
  retry(businessId: string, id: string): Promise<void> {
    return this.again(businessId, id, true);
  }

  /** Embeds a document anew by what it says now. @throws AppError not_found, conflict */
  embedAgain(businessId: string, id: string): Promise<void> {
    return this.again(businessId, id, false);
  }

  private async again(businessId: string, id: string, fetch: boolean): Promise<void> {
    const { status, collection } = await this.find(businessId, id);
    const requeued = await this.database.transaction(
      'retry a document',
      async (tx) => {
        const change = await this.writer.requeueIn(tx, businessId, { id, collection, fetch });
        if (change !== undefined) return change;
        throw new AppError('conflict', `The document is ${status}: wait until it is ready or failed`);
      },
      { businessId },
    );
    await this.writer.committed(businessId, [requeued]);
  }
}

function missing(id: string): never {
  throw new AppError('not_found', `There is no document ${id}`);
}
