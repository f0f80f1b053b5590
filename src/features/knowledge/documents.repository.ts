import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../platform/database/database.js';
import type { Chunk, ContentType } from './chunking/chunk.js';
import { derivedId } from '../../kernel/ids.js';

export type DocumentStatus = 'queued' | 'processing' | 'ready' | 'failed';

/** A document without its content. */
export interface DocumentRecord {
  id: string;
  external_id: string | null;
  collection: string;
  title: string;
  /** Null until a page is fetched for the first time, as is the hash. */
  content_type: ContentType | null;
  content_sha256: string | null;
  source_url: string | null;
  version: number;
  status: DocumentStatus;
  chunk_count: number;
  error_code: string | null;
  error_message: string | null;
  metadata: Record<string, unknown>;
  created_at: Date;
  updated_at: Date;
}

/** What comes of a content that was read. */
export interface StoredContent {
  contentType: ContentType;
  /** What the offsets of the chunks count in: the text as sent, or the readable text of HTML. */
  content: string;
  contentSha256: string;
  chunks: readonly Chunk[];
}

export interface DocumentToStore {
  id: string;
  businessId: string;
  collection: string;
  externalId: string | undefined;
  title: string;
  metadata: Record<string, unknown>;
  /** What it says, or the address of the page that will say it. */
  source: StoredContent | { url: string };
}

export interface ChunkRecord {
  id: string;
  position: number;
  context: string;
  text: string;
  start_offset: number;
  end_offset: number;
}

const COLUMNS = `id, external_id, collection, title, content_type, content_sha256, source_url, version, status, chunk_count, error_code,
  error_message, metadata, created_at, updated_at`;

/** Documents and chunks as rows. Every statement names the tenant. */
@Injectable()
export class DocumentsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Stores a document, in the place of the one with the same external id if there is one, with all of its chunks if they
   * are known.
   * @returns the id that it has, and its version
   */
  async store(tx: Transaction, document: DocumentToStore): Promise<{ id: string; version: number }> {
    const { source } = document;
    const known = 'url' in source ? undefined : source;
    const [stored] = await tx.query<{ id: string; version: number }>(
      `insert into documents (id, business_id, collection, external_id, title, content_type, content, content_sha256, metadata, chunk_count, source_url,
         fetch_due, status)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::text, $11 is not null, 'queued')
       on conflict on constraint documents_external_id do update set
         title = excluded.title, content_type = excluded.content_type, content = excluded.content,
         content_sha256 = excluded.content_sha256, metadata = excluded.metadata, chunk_count = excluded.chunk_count,
         source_url = excluded.source_url, fetch_due = excluded.fetch_due, fetch_failures = 0,
         version = documents.version + 1, status = 'queued', interrupted = 0, error_code = null, error_message = null,
         updated_at = now()
       returning id, version`,
      [
        document.id,
        document.businessId,
        document.collection,
        document.externalId ?? null,
        document.title,
        known?.contentType ?? null,
        known?.content ?? null,
        known?.contentSha256 ?? null,
        JSON.stringify(document.metadata),
        known?.chunks.length ?? 0,
        'url' in source ? source.url : null,
      ],
    );
    await this.replaceChunks(tx, { ...document, ...stored! }, known?.chunks ?? []);
    return stored!;
  }

  /**
   * Stores what a page says as the next version of its document, and lets go of the run that fetched it.
   * @returns undefined when the document is gone, or no longer in the hands of this run
   */
  async storePage(
    tx: Transaction,
    businessId: string,
    { id, run }: { id: string; run: string },
    page: StoredContent & { title: string },
  ): Promise<{ id: string; version: number; collection: string } | undefined> {
    const [stored] = await tx.query<{ id: string; version: number; collection: string }>(
      `update documents set title = $4, content_type = $5, content = $6, content_sha256 = $7, chunk_count = $8,
         version = version + 1, status = 'queued', fetch_due = false, fetch_failures = 0, run = null, interrupted = 0,
         error_code = null, error_message = null, updated_at = now()
       where business_id = $1 and id = $2 and run = $3 and status = 'processing' and fetch_due
       returning id, version, collection`,
      [
        businessId,
        id,
        run,
        page.title,
        page.contentType,
        page.content,
        page.contentSha256,
        page.chunks.length,
      ],
    );
    if (stored === undefined) return undefined;
    await this.replaceChunks(tx, { businessId, title: page.title, ...stored }, page.chunks);
    return stored;
  }

  async find(businessId: string, id: string): Promise<DocumentRecord | undefined> {
    return this.database.transaction(
      'find a document',
      async (tx) => {
        const [found] = await tx.query<DocumentRecord>(
          `select ${COLUMNS} from documents where business_id = $1 and id = $2`,
          [businessId, id],
        );
        return found;
      },
      { businessId, idempotent: true },
    );
  }

  /** Of a page that was not fetched yet it is null. */
  async content(businessId: string, id: string): Promise<{ content: string | null } | undefined> {
    return this.database.transaction(
      'read a document',
      async (tx) => {
        const [found] = await tx.query<{ content: string | null }>(
          'select content from documents where business_id = $1 and id = $2',
          [businessId, id],
        );
        return found;
      },
      { businessId, idempotent: true },
    );
  }

  /** Newest first. */
  async list(
    businessId: string,
    where: {
      collection?: string;
      externalId?: string;
      status?: DocumentStatus;
      after?: string;
      limit: number;
    },
  ): Promise<DocumentRecord[]> {
    return this.database.transaction(
      'list the documents',
      (tx) =>
        tx.query<DocumentRecord>(
          `select ${COLUMNS} from documents
           where business_id = $1 and ($2::text is null or collection = $2) and ($3::text is null or external_id = $3)
             and ($4::text is null or status = $4) and ($5::uuid is null or id < $5)
           order by id desc limit $6`,
          [
            businessId,
            where.collection ?? null,
            where.externalId ?? null,
            where.status ?? null,
            where.after ?? null,
            where.limit,
          ],
        ),
      { businessId, idempotent: true },
    );
  }

  /** @returns the collection that it was in; undefined when there is no such document */
  async remove(tx: Transaction, businessId: string, id: string): Promise<string | undefined> {
    const [removed] = await tx.query<{ collection: string }>(
      'delete from documents where business_id = $1 and id = $2 returning collection',
      [businessId, id],
    );
    return removed?.collection;
  }

  /**
   * Sets a document that has settled back to the beginning. One that is a page is fetched again, and keeps what it says
   * until then.
   * @param fetch false: what is there is to do, and what is not fetched yet is left alone
   * @returns undefined when it is not there or has not settled
   */
  async requeue(
    tx: Transaction,
    businessId: string,
    id: string,
    fetch: boolean,
  ): Promise<{ version: number; fetch_due: boolean } | undefined> {
    const [requeued] = await tx.query<{ version: number; fetch_due: boolean }>(
      `update documents set status = 'queued', interrupted = 0, error_code = null, error_message = null, updated_at = now(),
         fetch_due = $3 and source_url is not null, fetch_failures = 0
       where business_id = $1 and id = $2 and status in ('failed', 'ready') and ($3 or not fetch_due)
       returning version, fetch_due`,
      [businessId, id, fetch],
    );
    return requeued;
  }

  /** @returns the chunks of a version from a position on; none when the document is of another version by now */
  async chunks(
    businessId: string,
    id: string,
    version: number,
    from: number,
    limit: number,
  ): Promise<ChunkRecord[]> {
    return this.database.transaction(
      'read chunks',
      (tx) =>
        tx.query<ChunkRecord>(
          `select id, position, context, text, start_offset, end_offset from chunks
           where business_id = $1 and document_id = $2 and version = $3 and position >= $4 order by position limit $5`,
          [businessId, id, version, from, limit],
        ),
      { businessId, idempotent: true },
    );
  }

  /** Whether the document is there in this version: with another one, its chunks are another's. */
  async hasChunks(businessId: string, id: string, version: number): Promise<boolean> {
    return (await this.chunks(businessId, id, version, 0, 1)).length > 0;
  }

  private async replaceChunks(
    tx: Transaction,
    {
      businessId,
      collection,
      title,
      id,
      version,
    }: { businessId: string; collection: string; title: string; id: string; version: number },
    chunks: readonly Chunk[],
  ): Promise<void> {
    if (version > 1)
      await tx.query('delete from chunks where business_id = $1 and document_id = $2', [businessId, id]);
    for (let i = 0; i < chunks.length; i += CHUNKS_AT_ONCE) {
      const batch = chunks.slice(i, i + CHUNKS_AT_ONCE);
      await tx.query(
        `insert into chunks (id, document_id, business_id, collection, version, position, start_offset, end_offset, context, text)
         select c.id, $1, $2, $3, $4, c.position, c.start_offset, c.end_offset, c.context, c.text
         from unnest($5::uuid[], $6::int[], $7::int[], $8::int[], $9::text[], $10::text[])
           as c (id, position, start_offset, end_offset, context, text)`,
        [
          id,
          businessId,
          collection,
          version,
          batch.map((c) => derivedId(id, version, c.position)),
          batch.map((c) => c.position),
          batch.map((c) => c.start),
          batch.map((c) => c.end),
          batch.map((c) => [title, ...c.headings].join(' › ')),
          batch.map((c) => c.text),
        ],
      );
    }
  }
}

// Large enough that the round trips do not count, small enough that no statement takes long.
const CHUNKS_AT_ONCE = 200;
