import { Injectable } from '@nestjs/common';
import { invalid } from '../../kernel/app-error.js';
import { Deadline } from '../../kernel/deadline.js';
import { newId } from '../../kernel/ids.js';
import type { Transaction } from '../../platform/database/database.js';
import { Jobs } from '../../platform/jobs/jobs.js';
import { PageFault, WebPages } from '../../platform/web-pages/web-pages.js';
import type { ContentType } from './chunking/chunk.js';
import { Collections } from './collections.js';
import { DocumentsRepository, type StoredContent } from './documents.repository.js';
import { FETCH, INGEST } from './job.kinds.js';
import { Projection } from './projection.js';
import { Reading } from './reading.js';
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

/** A document as it comes in by the address of a page, which says what it is. */
export interface PageSubmission {
  /** undefined: what the page calls itself. */
  title?: string | undefined;
  sourceUrl: string;
  collection: string;
  externalId?: string | undefined;
  metadata: Record<string, unknown>;
}

/** A document that was checked and, where its content is known, cut into chunks: to store it, nothing but SQL is needed. */
export interface PreparedDocument {
  submission: Submission | PageSubmission;
  source: StoredContent | { url: string };
}

/** What a transaction has done to a document, and the kind of job that goes on with it where there is one. */
export type DocumentChange = { id: string; collection: string } & (
  { what: 'queued'; kind: string } | { what: 'replaced'; kind: string; version: number } | { what: 'removed' }
);

/**
 * Writes and removes documents as part of a transaction that may do more: `prepare` before it, `storeIn` or `removeIn`
 * within it, and `committed` once it has been committed. What is done in it includes the jobs that bring the change into the
 * index, so that a process that ends before `committed` loses nothing.
 */
@Injectable()
export class DocumentWriter {
  constructor(
    private readonly repository: DocumentsRepository,
    private readonly jobs: Jobs,
    private readonly waking: Waking,
    private readonly collections: Collections,
    private readonly projection: Projection,
    private readonly versions: KnowledgeVersions,
    private readonly reading: Reading,
    private readonly pages: WebPages,
  ) {}

  /** @throws AppError validation_failed, payload_too_large */
  async prepare(submission: Submission | PageSubmission): Promise<PreparedDocument> {
    this.collections.assertKnown(submission.collection);
    return { submission, source: await this.sourceOf(submission) };
  }

  /** Stores a document, in the place of the one with the same external id if there is one. */
  async storeIn(
    tx: Transaction,
    businessId: string,
    { submission, source }: PreparedDocument,
  ): Promise<DocumentChange> {
    const { collection, metadata, externalId } = submission;
    const title = 'sourceUrl' in submission ? (submission.title ?? submission.sourceUrl) : submission.title;
    const document = { id: newId(), businessId, collection, externalId, title, metadata, source };
    const { id, version } = await this.repository.store(tx, document);
    const kind = 'url' in source ? FETCH : INGEST;
    await this.enqueue(tx, kind, businessId, { id, version, collection });
    if (version === 1) return { what: 'queued', id, collection, kind };
    await this.enqueueForgetting(tx, businessId, id, collection);
    return { what: 'replaced', id, collection, version, kind };
  }

  /** @returns undefined when there is no such document */
  async removeIn(tx: Transaction, businessId: string, id: string): Promise<DocumentChange | undefined> {
    const collection = await this.repository.remove(tx, businessId, id);
    if (collection === undefined) return undefined;
    await this.enqueueForgetting(tx, businessId, id, collection);
    return { what: 'removed', id, collection };
  }

  /**
   * Sets a document that has settled back to the beginning.
   * @param fetch whether one that is a page is to be fetched anew
   * @returns undefined when it is not there or has not settled
   */
  async requeueIn(
    tx: Transaction,
    businessId: string,
    { id, collection, fetch }: { id: string; collection: string; fetch: boolean },
  ): Promise<DocumentChange | undefined> {
    const requeued = await this.repository.requeue(tx, businessId, id, fetch);
    if (requeued === undefined) return undefined;
    const kind = requeued.fetch_due ? FETCH : INGEST;
    await this.enqueue(tx, kind, businessId, { id, version: requeued.version, collection });
    return { what: 'queued', id, collection, kind };
  }

  /** From the moment that this resolves no answer shows what was removed or replaced; what was stored is embedded soon. */
  async committed(businessId: string, changes: readonly DocumentChange[]): Promise<void> {
    const kinds = new Set(changes.flatMap((change) => (change.what === 'removed' ? [] : [change.kind])));
    for (const kind of kinds) this.waking.wake(kind);
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
    kind: string,
    businessId: string,
    { id, version, collection }: { id: string; version: number; collection: string },
  ): Promise<void> {
    await this.jobs.enqueue(tx, kind, { business_id: businessId, document_id: id, version, collection });
  }

  private async enqueueForgetting(
    tx: Transaction,
    businessId: string,
    id: string,
    collection: string,
  ): Promise<void> {
    await this.jobs.enqueue(tx, FORGET, { business_id: businessId, document_id: id, collection });
  }

  /** Reads what was sent; of a page, checks what can be checked without asking anybody. */
  private async sourceOf(submission: Submission | PageSubmission): Promise<StoredContent | { url: string }> {
    if (!('sourceUrl' in submission))
      return this.reading.read(submission.content, submission.contentType, Deadline.current()?.signal);
    try {
      this.pages.assertAllowed(submission.sourceUrl);
    } catch (error) {
      throw error instanceof PageFault ? invalid('source_url', error.message) : error;
    }
    return { url: submission.sourceUrl };
  }
}
