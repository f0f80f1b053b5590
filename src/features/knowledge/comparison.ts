import { Injectable } from '@nestjs/common';
import { VectorStore, type Listing, type PointRef } from '../../platform/vector-store/vector-store.js';
import { TruthRepository, type TrueDocument } from './truth.repository.js';

/** Where the index is not as it should be. */
export type Difference =
  /** Points of its version are not there. */
  | { what: 'missing'; businessId: string; document: TrueDocument }
  /** Points of earlier versions are still there. */
  | { what: 'stale'; businessId: string; document: TrueDocument }
  /** Points of a document that there is none of. */
  | { what: 'surplus'; businessId: string; documentId: string };

const DOCUMENTS_AT_ONCE = 100;
const POINTS_AT_ONCE = 1_000;

/**
 * Compares the index with the truth, a part at a time, while both change. What it finds may therefore be mended already when
 * it is told; what it says is surplus is so for good: a document is committed before its first point is written, and the id
 * of one that was deleted never comes back.
 */
@Injectable()
export class Comparison {
  constructor(
    private readonly truth: TruthRepository,
    private readonly store: VectorStore,
  ) {}

  /**
   * @param name what the documents call their collection
   * @param collection what holds the points: the same, or one that is being built
   * @param expected the documents whose points should all be there
   */
  async *differences(
    name: string,
    collection: string,
    expected: (document: TrueDocument) => boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Difference> {
    for (const businessId of await this.truth.tenants()) {
      for await (const documents of this.documents(businessId, name)) {
        signal.throwIfAborted();
        yield* this.compare(businessId, collection, documents, expected);
      }
      for await (const points of this.points(collection, { businessId, limit: POINTS_AT_ONCE })) {
        signal.throwIfAborted();
        yield* this.surplus(businessId, points);
      }
    }
  }

  private async *compare(
    businessId: string,
    collection: string,
    documents: readonly TrueDocument[],
    expected: (document: TrueDocument) => boolean,
  ): AsyncGenerator<Difference> {
    const versions = new Map<string, number[]>(documents.map(({ id }) => [id, []]));
    const of = { businessId, documentIds: [...versions.keys()], limit: POINTS_AT_ONCE };
    for await (const points of this.points(collection, of)) {
      for (const { document_id: id, version } of points) versions.get(id)?.push(version);
    }
    for (const document of documents) {
      const found = versions.get(document.id)!;
      const current = found.filter((version) => version === document.version).length;
      if (expected(document) && current < document.chunk_count)
        yield { what: 'missing', businessId, document };
      // While a job works on it, what is old is for the job to remove.
      const settled = document.status === 'ready' || document.status === 'failed';
      if (settled && found.some((version) => version < document.version))
        yield { what: 'stale', businessId, document };
    }
  }

  private async *surplus(businessId: string, points: readonly PointRef[]): AsyncGenerator<Difference> {
    const ids = [...new Set(points.map((point) => point.document_id))];
    const known = await this.truth.versions(businessId, ids);
    for (const documentId of ids)
      if (!known.has(documentId)) yield { what: 'surplus', businessId, documentId };
  }

  private async *documents(businessId: string, name: string): AsyncGenerator<TrueDocument[]> {
    let after: string | undefined;
    do {
      const documents = await this.truth.documents(businessId, name, after, DOCUMENTS_AT_ONCE);
      if (documents.length > 0) yield documents;
      after = documents.length < DOCUMENTS_AT_ONCE ? undefined : documents.at(-1)!.id;
    } while (after !== undefined);
  }

  private async *points(collection: string, of: Listing): AsyncGenerator<PointRef[]> {
    let from: string | undefined;
    do {
      const page = await this.store.list(collection, { ...of, ...(from !== undefined && { from }) });
      if (page.points.length > 0) yield page.points;
      from = page.next;
    } while (from !== undefined);
  }
}
