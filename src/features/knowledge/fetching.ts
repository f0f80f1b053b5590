import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { Database } from '../../platform/database/database.js';
import { Jobs, type RunningJob } from '../../platform/jobs/jobs.js';
import { type FetchedPage, PageFault, WebPages } from '../../platform/web-pages/web-pages.js';
import { DocumentsRepository, type StoredContent } from './documents.repository.js';
import { IngestionRepository, type ProjectedDocument } from './ingestion.repository.js';
import { typeOfName } from './intake.js';
import { INGEST, type IngestData } from './job.kinds.js';
import { Projection } from './projection.js';
import { Reading } from './reading.js';
import { FORGET } from './removals.js';
import { INTERRUPTED_MAX, Settling } from './settling.js';
import { titleOfContent } from './title.of.content.js';
import { KnowledgeVersions } from './versions.js';
import { Waking } from './waking.js';

const TITLE_CHARACTERS_MAX = 500;

/**
 * Fetches the pages of documents that were given by their address, in the background and apart from the embedding: a host
 * that hangs holds up other pages at the most. What a page says is committed together with the job that embeds it, so it
 * is fetched again only if it was not kept. From then on the document is like any other.
 */
@Injectable()
export class Fetching {
  constructor(
    private readonly pages: WebPages,
    private readonly reading: Reading,
    private readonly documents: DocumentsRepository,
    private readonly repository: IngestionRepository,
    private readonly settling: Settling,
    private readonly database: Database,
    private readonly jobs: Jobs,
    private readonly projection: Projection,
    private readonly versions: KnowledgeVersions,
    private readonly waking: Waking,
  ) {}

  async fetch({ data, signal }: RunningJob<IngestData>): Promise<void> {
    const { business_id: businessId, document_id: id, version } = data;
    const document = await this.repository.begin(businessId, id, version, true);
    // Deleted, replaced, fetched or settled in the meantime: nothing of a page is anywhere before it is stored.
    if (document === undefined) return;
    if (document.interrupted > INTERRUPTED_MAX) return this.settling.giveUp(businessId, document);
    try {
      const page = await this.pages.fetch(document.source_url!, signal);
      await this.store(businessId, document, page, await this.read(page, signal));
    } catch (error) {
      await this.settling.settle(businessId, document, error, signal);
    }
  }

  /** @throws PageFault when there is nothing in it that could be kept */
  private async read(
    { text, contentType, finalUrl }: FetchedPage,
    signal: AbortSignal,
  ): Promise<StoredContent> {
    // Servers show Markdown as plain text, so that browsers show it at all.
    const named = contentType === 'text/plain' && typeOfName(new URL(finalUrl).pathname) === 'text/markdown';
    try {
      return await this.reading.read(text, named ? 'text/markdown' : contentType, signal);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const [wrong] = error.errors ?? [];
      const message = wrong === undefined ? error.message : `The page ${wrong.message}`;
      throw new PageFault('page_unreadable', message, { cause: error });
    }
  }

  private async store(
    businessId: string,
    document: ProjectedDocument,
    page: FetchedPage,
    content: StoredContent,
  ): Promise<void> {
    const title = titleFor(document, page);
    const stored = await this.database.transaction(
      'store a page',
      async (tx) => {
        const next = await this.documents.storePage(tx, businessId, document, { ...content, title });
        if (next === undefined) return undefined;
        const { id, version, collection } = next;
        const about = { business_id: businessId, document_id: id, collection };
        await this.jobs.enqueue(tx, INGEST, { ...about, version });
        await this.jobs.enqueue(tx, FORGET, about);
        return next;
      },
      { businessId },
    );
    if (stored === undefined) return;
    this.waking.wake(INGEST);
    await this.versions.changed(businessId, stored.collection);
    await this.projection.forgetNow(stored.collection, businessId, stored.id, stored.version);
    this.waking.wake(FORGET);
  }
}

/** A document that was given no title is called by its address until its page says what it calls itself. */
function titleFor({ title, source_url }: ProjectedDocument, { text, contentType }: FetchedPage): string {
  if (title !== source_url) return title;
  const own = titleOfContent(text, contentType)?.slice(0, TITLE_CHARACTERS_MAX).toWellFormed().trim();
  return own === undefined || own === '' ? title : own;
}
