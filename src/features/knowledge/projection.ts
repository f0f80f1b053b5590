import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { derivedId } from '../../kernel/ids.js';
import { VectorStore, type Point } from '../../platform/vector-store/vector-store.js';
import { Collections } from './collections.js';
import { type ChunkRecord, DocumentsRepository } from './documents.repository.js';
import { Embeddings } from './embeddings.js';
import type { ProjectedDocument } from './ingestion.repository.js';

/** Puts documents into the index of vectors and takes them out. The database stays the truth. */
@Injectable()
export class Projection {
  constructor(
    private readonly documents: DocumentsRepository,
    private readonly embeddings: Embeddings,
    private readonly store: VectorStore,
    private readonly collections: Collections,
    private readonly settings: Settings,
  ) {}

  /** Writes every chunk of this version, then removes every other version. May be cut off and repeated. */
  async project(businessId: string, document: ProjectedDocument, signal: AbortSignal): Promise<void> {
    await this.collections.ready();
    const pageSize = this.settings.VECTOR_SEARCH_BATCH_SIZE;
    for (let from = 0; ; from += pageSize) {
      signal.throwIfAborted();
      const chunks = await this.documents.chunks(businessId, document.id, document.version, from, pageSize);
      if (chunks.length > 0) await this.write(businessId, document, chunks);
      if (chunks.length < pageSize) break;
    }
    await this.forget(document.collection, businessId, document.id, document.version);
  }

  /** @param keep the version whose points stay; none if it is absent */
  async forget(collection: string, businessId: string, documentId: string, keep?: number): Promise<void> {
    await this.store.remove(collection, { businessId, documentId, ...(keep !== undefined && { keep }) });
  }

  private async write(
    businessId: string,
    document: ProjectedDocument,
    chunks: readonly ChunkRecord[],
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
    await this.store.upsert(document.collection, points);
  }
}
