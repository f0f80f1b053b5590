import type { Schemas } from '@qdrant/js-client-rest';
import type { Traits } from '../../resilience/dependency.js';
import { QdrantConnection } from './qdrant.client.js';
import { QdrantCollections } from './qdrant.collections.js';
import { UnexpectedReply } from './qdrant.faults.js';
import { conditions, INDEXED, indexed } from './qdrant.metadata.js';
import {
  CollectionMissing,
  VectorStore,
  type CollectionSpec,
  type CollectionView,
  type Hit,
  type Listing,
  type Nearest,
  type Page,
  type Payload,
  type Point,
} from './vector-store.js';

// Some 3 MB of JSON at 1 536 dimensions; the server takes 32 MB.
const BATCH = 100;
// Said with each write: its own client says it with some and not with others, and the server's default is not to wait.
// `medium`: writes to one point, as a document's replacement and its removal, go through one replica and keep their order.
const APPLIED = { wait: true, ordering: 'medium' } as const;

/** Vectors in a Qdrant server. Nothing is tried again here: the guard around this does that. */
export class QdrantVectorStore extends VectorStore {
  readonly adapter = 'qdrant';
  readonly traits: Traits = { durable: true, shared: true };
  private readonly connection: QdrantConnection;
  private readonly existing: QdrantCollections;

  constructor(url: string, apiKey?: string) {
    super();
    this.connection = new QdrantConnection(url, apiKey);
    this.existing = new QdrantCollections(this.connection);
  }

  /** Connections that were ever made. */
  get connects(): number {
    return this.connection.connects;
  }

  ensure(spec: CollectionSpec, signal?: AbortSignal): Promise<boolean> {
    return this.existing.ensure(spec, signal);
  }

  create(spec: CollectionSpec, name: string, signal?: AbortSignal): Promise<void> {
    return this.existing.create(spec, name, signal);
  }

  collections(signal?: AbortSignal): Promise<CollectionView[]> {
    return this.existing.list(signal);
  }

  alias(alias: string, collection: string, signal?: AbortSignal): Promise<void> {
    return this.existing.alias(alias, collection, signal);
  }

  drop(collection: string, signal?: AbortSignal): Promise<void> {
    return this.existing.drop(collection, signal);
  }

  check(signal: AbortSignal): Promise<void> {
    return this.existing.check(signal);
  }

  async upsert(collection: string, points: readonly Point[], signal?: AbortSignal): Promise<void> {
    for (let i = 0; i < points.length; i += BATCH) {
      const batch = points.slice(i, i + BATCH).map(({ id, vector, payload }) => ({
        id,
        vector: Array.from(vector),
        payload: { ...payload, [INDEXED]: indexed(payload.metadata) },
      }));
      await this.within(collection, 'upsert points', signal, (api, init) =>
        api.upsertPoints({ collection_name: collection, ...APPLIED, points: batch }, init),
      );
    }
  }

  async remove(
    collection: string,
    { businessId, documentId, before }: { businessId: string; documentId: string; before?: number },
    signal?: AbortSignal,
  ): Promise<void> {
    const filter = {
      must: [
        ...ofDocuments(businessId, [documentId]),
        ...(before === undefined ? [] : [{ key: 'version', range: { lt: before } }]),
      ],
    };
    await this.within(collection, 'remove points', signal, (api, init) =>
      api.deletePoints({ collection_name: collection, ...APPLIED, filter }, init),
    );
  }

  async nearest(collection: string, query: Nearest, signal?: AbortSignal): Promise<Hit[]> {
    const wanted = conditions(query.filter ?? {});
    if (wanted === undefined) return [];
    const { points } = await this.within(collection, 'find the nearest points', signal, (api, init) =>
      api.queryPoints(
        {
          collection_name: collection,
          query: Array.from(query.vector),
          filter: { must: [ofTenant(query.businessId), ...wanted] },
          limit: query.limit,
          with_payload: { exclude: [INDEXED] },
        },
        init,
      ),
    );
    return points.map(({ id, score, payload }) => ({
      id: String(id),
      score,
      payload: payload as unknown as Payload,
    }));
  }

  async count(
    collection: string,
    { businessId, documentId }: { businessId: string; documentId?: string },
    signal?: AbortSignal,
  ): Promise<number> {
    const filter = {
      must: documentId === undefined ? [ofTenant(businessId)] : ofDocuments(businessId, [documentId]),
    };
    const { count } = await this.within(collection, 'count points', signal, (api, init) =>
      api.countPoints({ collection_name: collection, filter, exact: true }, init),
    );
    return count;
  }

  async list(
    collection: string,
    { businessId, documentIds, from, limit }: Listing,
    signal?: AbortSignal,
  ): Promise<Page> {
    const must = documentIds === undefined ? [ofTenant(businessId)] : ofDocuments(businessId, documentIds);
    const { points, next_page_offset: next } = await this.within(
      collection,
      'list points',
      signal,
      (api, init) =>
        api.scrollPoints(
          {
            collection_name: collection,
            filter: { must },
            limit,
            ...(from !== undefined && { offset: from }),
            with_payload: ['document_id', 'version'],
          },
          init,
        ),
    );
    return {
      points: points.map(({ id, payload }) => {
        const { document_id, version } = payload as Pick<Payload, 'document_id' | 'version'>;
        return { id: String(id), document_id, version };
      }),
      next: typeof next === 'string' ? next : undefined,
    };
  }

  /** Ends what is under way, for the end of the process. */
  close(): Promise<void> {
    return this.connection.close();
  }

  /** @throws CollectionMissing where the server knows no collection of that name */
  private async within<Result>(
    collection: string,
    operation: string,
    signal: AbortSignal | undefined,
    work: Parameters<QdrantConnection['call']>[0] extends (...args: infer Args) => unknown
      ? (...args: Args) => Promise<{ data: { result?: Result } }>
      : never,
  ): Promise<Result> {
    try {
      const result = await this.connection.call<Result>(work, signal);
      if (result === undefined || result === null) throw new UnexpectedReply(operation);
      return result;
    } catch (error) {
      throw (error as { status?: unknown }).status === 404 ? new CollectionMissing(collection) : error;
    }
  }
}

function ofTenant(businessId: string): Schemas['FieldCondition'] {
  return { key: 'business_id', match: { value: businessId } };
}

function ofDocuments(businessId: string, documentIds: readonly string[]): Schemas['FieldCondition'][] {
  return [ofTenant(businessId), { key: 'document_id', match: { any: [...documentIds] } }];
}
