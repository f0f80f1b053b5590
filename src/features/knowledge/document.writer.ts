import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { invalid } from '../../kernel/app-error.js';
import { Deadline } from '../../kernel/deadline.js';
import { newId } from '../../kernel/ids.js';
import type { Transaction } from '../../platform/database/database.js';
import { Jobs } from '../../platform/jobs/jobs.js';
import type { Chunk, ChunkedDocument, ContentType } from './chunking/chunk.js';
import { ChunkerPool, DocumentTooComplex } from './chunking/chunker.pool.js';
import { Collections } from './collections.js';
import { DocumentsRepository } from './documents.repository.js';
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

/** A document that was checked and cut into chunks: to store it, nothing but SQL is needed. */
export interface PreparedDocument {
  submission: Submission;
  /** What the offsets of the chunks count in: the text as sent, or the readable text of HTML. */
  content: string;
  chunks: readonly Chunk[];
}

/** What a transaction has done to a document. `queued`: there is something of it to embed, and nothing to forget. */
export type DocumentChange = { id: string; collection: string } & (
  { what: 'queued' } | { what: 'replaced'; version: number } | { what: 'removed' }
);

/**
 * Writes and removes documents as part of a transaction that may do more: `prepare` before it, `storeIn` or `removeIn`
 * within it, and `committed` once it has been committed. What is done in it includes the jobs that bring the change into the
 * index, so that a process that ends before `committed` loses nothing.
 */
@Injectable()
export class DocumentWriter implements OnApplicationShutdown {
  private readonly chunker = new ChunkerPool();

  constructor(
    private readonly repository: DocumentsRepository,
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

  /** @throws AppError validation_failed, payload_too_large */
  async prepare(submission: Submission): Promise<PreparedDocument> {
    this.collections.assertKnown(submission.collection);
    checkContent(submission.content, this.settings.DOCUMENT_BYTES_MAX);
    const { content, chunks } = await this.chunk(submission);
    if (chunks.length === 0) throw invalid('content', 'holds no text: there is nothing in it to find');
    return { submission, content, chunks };
  }

  /** Stores a document, in the place of the one with the same external id if there is one. */
  async storeIn(
    tx: Transaction,
    businessId: string,
    { submission, content, chunks }: PreparedDocument,
  ): Promise<DocumentChange> {
    const { collection } = submission;
    const { id, version } = await this.repository.store(tx, {
      ...submission,
      id: newId(),
      businessId,
      externalId: submission.externalId,
      content,
      contentSha256: sha256(submission.content),
      chunks,
    });
    await this.enqueue(tx, businessId, { id, version, collection });
    if (version === 1) return { what: 'queued', id, collection };
    await this.enqueueForgetting(tx, businessId, id, collection);
    return { what: 'replaced', id, collection, version };
  }

  /** @returns undefined when there is no such document */
  async removeIn(tx: Transaction, businessId: string, id: string): Promise<DocumentChange | undefined> {
    const collection = await this.repository.remove(tx, businessId, id);
    if (collection === undefined) return undefined;
    await this.enqueueForgetting(tx, businessId, id, collection);
    return { what: 'removed', id, collection };
  }

  /** Sets a document that has settled back to the beginning. @returns undefined when it is not there or has not settled */
  async requeueIn(
    tx: Transaction,
    businessId: string,
    { id, collection }: { id: string; collection: string },
  ): Promise<DocumentChange | undefined> {
    const requeued = await this.repository.requeue(tx, businessId, id);
    if (requeued === undefined) return undefined;
    await this.enqueue(tx, businessId, { id, version: requeued.version, collection });
    return { what: 'queued', id, collection };
  }

  /** From the moment that this resolves no answer shows what was removed or replaced; what was stored is embedded soon. */
  async committed(businessId: string, changes: readonly DocumentChange[]): Promise<void> {
    if (changes.some(({ what }) => what !== 'removed')) this.waking.wake(INGEST);
    const collections = new Set(changes.map(({ collection }) => collection));
    await Promise.all([...collections].map((collection) => this.versions.changed(businessId, collection)));
    const untrue = changes.filter((change) => change.what !== 'queued');
    if (untrue.length === 0) return;
    await Promise.all(
      untrue.map((change) =>
        this.projection.forgetNow(
          change.collection,
          businessId,
          change.id,
          change.what === 'replaced' ? change.version : undefined,
        ),
      ),
    );
    this.waking.wake(FORGET);
  }

  private async enqueue(
    tx: Transaction,
    businessId: string,
    { id, version, collection }: { id: string; version: number; collection: string },
  ): Promise<void> {
    await this.jobs.enqueue(tx, INGEST, { business_id: businessId, document_id: id, version, collection });
  }

  private async enqueueForgetting(
    tx: Transaction,
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
