import { ExitCode } from '../../kernel/exit-code.js';
import type { Traits } from '../../resilience/dependency.js';
import type { Filter } from '../database/filter.js';

/** How a collection is built. The defaults of `collectionSpec` are those of the sources (docs/decisions/0007). */
export interface CollectionSpec {
  name: string;
  /** The vector space: vectors of another model never enter. */
  model: string;
  dimension: number;
  hnsw: { m: number; efConstruct: number };
  /** The fields of the payload that points are chosen by: an index keeps that from being a scan. */
  payloadIndexes: readonly ('business_id' | 'document_id')[];
}

export function collectionSpec(name: string, model: string, dimension: number): CollectionSpec {
  return {
    name,
    model,
    dimension,
    hnsw: { m: 16, efConstruct: 100 },
    payloadIndexes: ['business_id', 'document_id'],
  };
}

/** What the index keeps beside a vector: enough to answer from it alone while the database is away. */
export interface Payload {
  business_id: string;
  document_id: string;
  /** The version of the document that the vector was made from. */
  version: number;
  chunk_id: string;
  title: string;
  text: string;
  start: number;
  end: number;
  metadata: Record<string, unknown>;
}

/** `id` is derived from document, version and chunk, so that writing it again changes nothing. */
export interface Point {
  id: string;
  vector: Float32Array;
  payload: Payload;
}

export interface Nearest {
  /** The tenant. There is no query without one. */
  businessId: string;
  vector: Float32Array;
  limit: number;
  filter?: Filter;
}

export interface Hit {
  id: string;
  /** Cosine similarity, from -1 to 1. */
  score: number;
  payload: Payload;
}

/** What says of a point what it was made from. */
export interface PointRef {
  id: string;
  document_id: string;
  version: number;
}

export interface Listing {
  businessId: string;
  documentIds?: readonly string[];
  /** The `next` of the part before. */
  from?: string;
  limit: number;
}

/** A part of a tenant's points. */
export interface Page {
  points: PointRef[];
  /** Where the next part starts; undefined after the last. */
  next: string | undefined;
}

/** A collection as it is. */
export interface CollectionView {
  name: string;
  /** The name that the service knows it by; undefined for one that is being built, or was left behind. */
  alias: string | undefined;
  model: string;
  dimension: number;
  /** How many points it holds, of all tenants, as near as the store knows it at once. */
  points: number;
}

/** There is no collection of that name: nobody made it, or the store has lost it. */
export class CollectionMissing extends Error {
  constructor(readonly collection: string) {
    super(`There is no collection ${collection}`);
    this.name = 'CollectionMissing';
  }
}

/** The dimension or the model of a collection is not what the embedder makes. Only a rebuild mends it. */
export class CollectionMismatch extends Error {
  readonly exitCode = ExitCode.dimension;

  constructor(collection: string, has: string, needs: string) {
    super(
      `The collection ${collection} holds vectors of ${has}, and the embedder makes ${needs}. ` +
        'Set the embedder back, or rebuild the collection.',
    );
    this.name = 'CollectionMismatch';
  }
}

/**
 * An index of vectors: a projection of the database, which may be lost at any moment and built again.
 *
 * A name stands for a collection or for an alias of one. Every write is applied before it resolves.
 */
export abstract class VectorStore {
  abstract readonly adapter: string;
  abstract readonly traits: Traits;
  /** The steps of the start that it needs done before it can be used: those of what it lives in. */
  readonly needs: readonly string[] = [];

  /**
   * Makes the collection, and an alias of its name to it, unless they are there.
   * @returns whether it made the collection now, and it is therefore empty
   * @throws CollectionMismatch when it is there with another model or dimension
   */
  abstract ensure(spec: CollectionSpec, signal?: AbortSignal): Promise<boolean>;

  /** Makes a collection of this name beside the one that `spec.name` stands for, unless it is there. */
  abstract create(spec: CollectionSpec, name: string, signal?: AbortSignal): Promise<void>;

  abstract collections(signal?: AbortSignal): Promise<CollectionView[]>;

  abstract upsert(collection: string, points: readonly Point[], signal?: AbortSignal): Promise<void>;

  /**
   * Removes a document's points, those of the version `before` and of later ones excepted: whoever works on an older version
   * takes nothing from a newer one. Removing what is not there is no error.
   */
  abstract remove(
    collection: string,
    document: { businessId: string; documentId: string; before?: number },
    signal?: AbortSignal,
  ): Promise<void>;

  /** The nearest points, the nearest first. */
  abstract nearest(collection: string, query: Nearest, signal?: AbortSignal): Promise<Hit[]>;

  /** How many points there are, of a tenant, or of one of its documents. */
  abstract count(
    collection: string,
    of: { businessId: string; documentId?: string },
    signal?: AbortSignal,
  ): Promise<number>;

  /** A tenant's points, or those of some of its documents, a part at a time. */
  abstract list(collection: string, of: Listing, signal?: AbortSignal): Promise<Page>;

  /** Points an alias at a collection, in one step: there is no moment at which it points nowhere. */
  abstract alias(alias: string, collection: string, signal?: AbortSignal): Promise<void>;

  /** Drops a collection and its points, if it is there. An alias to it must have been moved away before. */
  abstract drop(collection: string, signal?: AbortSignal): Promise<void>;

  abstract check(signal: AbortSignal): Promise<void>;

  /** Lets go of its connections, for the end of the process. */
  abstract close(): Promise<void>;
}
