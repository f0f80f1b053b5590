import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { AppError, invalid } from '../../kernel/app-error.js';
import { Deadline } from '../../kernel/deadline.js';
import { newId } from '../../kernel/ids.js';
import { Database } from '../../platform/database/database.js';
import { Idempotency } from '../../platform/database/idempotency.js';
import { Jobs } from '../../platform/jobs/jobs.js';
import type { ChunkedDocument, ContentType } from './chunking/chunk.js';
import { ChunkerPool, DocumentTooComplex } from './chunking/chunker.pool.js';
import { Collections } from './collections.js';
import { type DocumentRecord, DocumentsRepository, type DocumentStatus } from './documents.repository.js';
import { checkContent, sha256 } from './intake.js';
import { INGEST } from './ingestion.js';
import { Projection } from './projection.js';
import { FORGET } from './removals.js';
import { KnowledgeVersions } from './versions.js';
import { Waking } from './waking.js';

/** A document as it comes in. */
export interface Submission {
  title: string;
  content: string;
  contentType: ContentType;
  collection: string;
  externalId?: string | undefined;
  metadata: Record<string, unknown>;
}

/** Takes documents in, shows them, and lets them go. */
@Injectable()
export class Documents implements OnApplicationShutdown {
  private readonly chunker = new ChunkerPool();

  constructor(
    private readonly repository: DocumentsRepository,
    private readonly database: Database,
    private readonly idempotency: Idempotency,
    private readonly jobs: Jobs,
    private readonly waking: Waking,
    private readonly collections: Collections,
    private readonly projection: Projection,
    private readonly versions: KnowledgeVersions,
    private readonly settings: Settings,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.chunker.close();
  }

  /**
   * Takes a document in. When this resolves, the document, its chunks and the job that embeds them are committed: it can be
   * found by its words at once, and by its vectors soon.
   * @param key under which the client may send it again and get the same answer
   * @returns its id: a new one, or that of the document with the same external id, whose place it takes
   */
  async accept(businessId: string, submission: Submission, key?: string): Promise<string> {
    this.collections.assertKnown(submission.collection);
    checkContent(submission.content, this.settings.DOCUMENT_BYTES_MAX);
    const { content, chunks } = await this.chunk(submission);
    if (chunks.length === 0) throw invalid('content', 'holds no text: there is nothing in it to find');
    const { collection } = submission;
    let replacedBy: number | undefined;
    const id = await this.idempotency.once(
      'store a document',
      async (tx) => {
        const stored = await this.repository.store(tx, {
          ...submission,
          id: newId(),
          businessId,
          externalId: submission.externalId,
          content,
          contentSha256: sha256(submission.content),
          chunks,
        });
        await this.enqueue(tx, businessId, { ...stored, collection });
        replacedBy = stored.version > 1 ? stored.version : undefined;
        if (replacedBy !== undefined) await this.enqueueForgetting(tx, businessId, stored.id, collection);
        return stored.id;
      },
      { businessId, key, request: { documents: submission } },
    );
    this.waking.wake(INGEST);
    await this.versions.changed(businessId, collection);
    if (replacedBy !== undefined) {
      await this.projection.forgetNow(collection, businessId, id, replacedBy);
      this.waking.wake(FORGET);
    }
    return id;
  }

  /** @throws AppError not_found */
  async find(businessId: string, id: string): Promise<DocumentRecord> {
    return (await this.repository.find(businessId, id)) ?? missing(id);
  }

  /** The text that the chunks' offsets count in. @throws AppError not_found */
  async content(businessId: string, id: string): Promise<string> {
    return ((await this.repository.content(businessId, id)) ?? missing(id)).content;
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
    const collection = await this.database.transaction(
      'remove a document',
      async (tx) => {
        const found = (await this.repository.remove(tx, businessId, id)) ?? missing(id);
        await this.enqueueForgetting(tx, businessId, id, found);
        return found;
      },
      { businessId },
    );
    await this.versions.changed(businessId, collection);
    await this.projection.forgetNow(collection, businessId, id);
    this.waking.wake(FORGET);
  }

  /** Embeds a document anew that has failed, or that is ready. @throws AppError not_found, conflict */
  async retry(businessId: string, id: string): Promise<void> {
    const { status, collection } = await this.find(businessId, id);
    await this.database.transaction(
      'retry a document',
      async (tx) => {
        const requeued = await this.repository.requeue(tx, businessId, id);
        if (requeued === undefined) {
          throw new AppError('conflict', `The document is ${status}: wait until it is ready or failed`);
        }
        await this.enqueue(tx, businessId, { id, version: requeued.version, collection });
      },
      { businessId },
    );
    this.waking.wake(INGEST);
  }

  private async enqueue(
    tx: Parameters<Jobs['enqueue']>[0],
    businessId: string,
    { id, version, collection }: { id: string; version: number; collection: string },
  ): Promise<void> {
    await this.jobs.enqueue(tx, INGEST, { business_id: businessId, document_id: id, version, collection });
  }

  private async enqueueForgetting(
    tx: Parameters<Jobs['enqueue']>[0],
    businessId: string,
    id: string,
    collection: string,
  ): Promise<void> {
    await this.jobs.enqueue(tx, FORGET, { business_id: businessId, document_id: id, collection });
  }

  private async chunk({ content, contentType }: Submission): Promise<ChunkedDocument> {
    try {
      return await this.chunker.chunk(content, contentType, Deadline.current()?.signal);
    } catch (error) {
      if (!(error instanceof DocumentTooComplex)) throw error;
      throw invalid(
        'content',
        `is too much to read at once (${error.message}). Split it into smaller documents`,
      );
    }
  }
}

function missing(id: string): never {
  throw new AppError('not_found', `There is no document ${id}`);
}
