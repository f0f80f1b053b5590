import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Deadline } from '../../kernel/deadline.js';
import { derivedId } from '../../kernel/ids.js';
import { VectorStore, type Point } from '../../platform/vector-store/vector-store.js';
import { Collections } from './collections.js';
import { type ChunkRecord, DocumentsRepository } from './documents.repository.js';
import { Embeddings } from './embeddings.js';
import type { ProjectedDocument } from './ingestion.repository.js';
import { Removals } from './removals.js';

/** What is put into the index: a version of a document. */
export type Projectable = Pick<ProjectedDocument, 'id' | 'version' | 'collection' | 'title' | 'metadata'>;

// A deletion waits so long for the index, and is then left to its job.
const FORGET_NOW_MS = 500;

/** Puts documents into the index of vectors and takes them out. The database stays the truth. */
@Injectable()
export class Projection {
  constructor(
    private readonly documents: DocumentsRepository,
    private readonly embeddings: Embeddings,
    private readonly store: VectorStore,
    private readonly collections: Collections,
    private readonly removals: Removals,
    private readonly settings: Settings,
  ) {}

  /**
   * Writes every chunk of this version, then removes every earlier version. May be cut off and repeated.
   * @param into the collection, where it is not the one that its name stands for
   */
  async project(
    businessId: string,
    document: Projectable,
    signal: AbortSignal,
    into = document.collection,
  ): Promise<void> {
    const pageSize = this.settings.VECTOR_SEARCH_BATCH_SIZE;
    for (let from = 0; ; from += pageSize) {
      signal.throwIfAborted();
      const chunks = await this.documents.chunks(businessId, document.id, document.version, from, pageSize);
      if (chunks.length > 0) await this.write(businessId, document, chunks, into);
      if (chunks.length < pageSize) break;
    }
    await this.forget(into, businessId, document.id, document.version);
  }

  /** @param before the version whose points stay, with those of later ones; none if it is absent */
  async forget(collection: string, businessId: string, documentId: string, before?: number): Promise<void> {
    await this.reach(collection, () =>
      this.store.remove(collection, { businessId, documentId, ...(before !== undefined && { before }) }),
    );
  }

  /**
   * Takes out at once what a committed change has made untrue, so that the index is never behind for longer than it must:
   * while the database is away, answers may come from it alone. What does not succeed is done by the job that was committed
   * with the change.
   */
  async forgetNow(
    collection: string,
    businessId: string,
    documentId: string,
    before?: number,
  ): Promise<void> {
    const deadline = new Deadline(FORGET_NOW_MS);
    try {
      await deadline.run(() => this.forget(collection, businessId, documentId, before));
    } catch {
      this.removals.outstanding();
    } finally {
      deadline.release();
    }
  }

  private async write(
    businessId: string,
    document: Projectable,
    chunks: readonly ChunkRecord[],
    into: string,
  ): Promise<void> {
    const vectors = await this.embeddings.of(chunks.map((chunk) => `${chunk.context}\n\n${chunk.text}`));
    const points = chunks.map((chunk, i): Point => ({
      id: derivedId(document.id, document.version, chunk.position),
      vector: vectors[i]!,
      payload: {
        business_id: businessId,
        document_id: document.id,
        version: document.version,
        chunk_id: chunk.id,
        title: document.title,
        text: chunk.text,
        start: chunk.start_offset,
        end: chunk.end_offset,
        metadata: document.metadata,
      },
    }));
    // The embedding may have taken long. What was deleted or replaced meanwhile must not come back, be it for a moment: the
    // database may be away in the next one, and answers then come from the index.
    if (!(await this.documents.hasChunks(businessId, document.id, document.version))) return;
    await this.reach(into, () => this.store.upsert(into, points));
  }

  /**
   * A collection that is being built has no name yet, and was made by whoever builds it. Nothing is to be looked after for
   * it, least of all the collections in use: it may be built because those do not fit.
   */
  private reach(collection: string, work: () => Promise<void>): Promise<void> {
    return this.settings.COLLECTIONS.includes(collection) ? this.collections.use(work) : work();
  }
}
