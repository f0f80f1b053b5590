import type { Schemas } from '@qdrant/js-client-rest';
import { passes, Refusal } from './qdrant.filter.ts';

type Id = Schemas['ExtendedPointId'];
type Filter = Schemas['Filter'] | null | undefined;
type Index = Schemas['PayloadIndexInfo'];

interface Point {
  id: Id;
  vector: number[];
  payload: Record<string, unknown>;
  version: number;
}

// How long a write that nobody waits for takes to be applied.
const UNAWAITED_MS = 100;

const HNSW = { m: 16, ef_construct: 100, full_scan_threshold: 10_000, max_indexing_threads: 0 };
const OPTIMIZERS = {
  deleted_threshold: 0.2,
  vacuum_min_vector_number: 1_000,
  default_segment_number: 0,
  flush_interval_sec: 5,
};
const WAL = { wal_capacity_mb: 32, wal_segments_ahead: 0 };

/** One collection: points in memory, compared one by one. */
export class Collection {
  readonly points = new Map<Id, Point>();
  readonly indexes = new Map<string, Index>();
  readonly snapshots = new Map<string, Schemas['SnapshotDescription']>();
  readonly vectors: Schemas['VectorParams'];
  private readonly config: Schemas['CreateCollection'];
  private operations = 0;

  constructor(config: Schemas['CreateCollection']) {
    const vectors = config.vectors as Schemas['VectorParams'] | undefined;
    if (!Number.isInteger(vectors?.size) || (vectors?.size ?? 0) < 1) {
      throw new Refusal(
        422,
        'Validation error in JSON body: [vectors.size: value must be greater than or equal to 1]',
      );
    }
    if (vectors!.distance !== 'Cosine') throw new Refusal(501, 'This double knows cosine similarity only');
    this.vectors = vectors!;
    this.config = config;
  }

  info(): Schemas['CollectionInfo'] {
    const { hnsw_config: hnsw, optimizers_config: optimizers, metadata } = this.config;
    return {
      status: 'green',
      optimizer_status: 'ok',
      points_count: this.points.size,
      indexed_vectors_count: 0,
      segments_count: 2,
      config: {
        params: {
          vectors: this.vectors,
          shard_number: 1,
          replication_factor: 1,
          write_consistency_factor: 1,
          on_disk_payload: true,
        },
        hnsw_config: { ...HNSW, ...(hnsw as object) },
        optimizer_config: { ...OPTIMIZERS, ...(optimizers as object) },
        wal_config: WAL,
        ...(metadata != null && { metadata }),
      },
      payload_schema: Object.fromEntries(this.indexes),
    };
  }

  /** What is wrong with points is said at once, also where nobody waits for the rest. */
  upsert(points: readonly Schemas['PointStruct'][], wait: boolean): Schemas['UpdateResult'] {
    for (const { id, vector } of points) {
      assertId(id);
      if (!Array.isArray(vector) || !vector.every((x) => typeof x === 'number'))
        throw new Refusal(400, 'Format error in JSON body: this is no dense vector');
      this.assertSize(vector);
    }
    return this.write(wait, () => {
      for (const { id, vector, payload } of points) {
        const kept = structuredClone(payload ?? {});
        this.points.set(id, {
          id,
          vector: normalized(vector as number[]),
          payload: kept,
          version: this.operations,
        });
      }
    });
  }

  remove(selector: Schemas['PointsSelector'], wait: boolean): Schemas['UpdateResult'] {
    return this.write(wait, () => {
      const ids = 'points' in selector ? selector.points : this.matching(selector.filter).map(({ id }) => id);
      for (const id of ids) this.points.delete(id);
    });
  }

  matching(filter: Filter): Point[] {
    const all = [...this.points.values()];
    return filter == null ? all : all.filter(({ id, payload }) => passes(filter, id, payload));
  }

  query(request: Schemas['QueryRequest']): Schemas['QueryResponse'] {
    const asked = request.query as number[] | { nearest?: unknown } | null | undefined;
    const vector = Array.isArray(asked) ? asked : (asked?.nearest as number[] | undefined);
    if (!Array.isArray(vector))
      throw new Refusal(501, 'This double knows the query for the nearest points only');
    this.assertSize(vector);
    const wanted = normalized(vector);
    const scored = this.matching(request.filter as Filter)
      .map((point) => ({ point, score: dot(wanted, point.vector) }))
      .filter(({ score }) => request.score_threshold == null || score >= request.score_threshold)
      .toSorted((a, b) => b.score - a.score);
    const from = request.offset ?? 0;
    return {
      points: scored.slice(from, from + (request.limit ?? 10)).map(({ point, score }) => ({
        id: point.id,
        version: point.version,
        score,
        ...shown(point, request.with_payload ?? false, request.with_vector),
      })),
    };
  }

  scroll(request: Schemas['ScrollRequest']): Schemas['ScrollResult'] {
    const from = request.offset as Id | null | undefined;
    const rest = this.matching(request.filter as Filter)
      .toSorted((a, b) => order(a.id, b.id))
      .filter(({ id }) => from == null || order(id, from) >= 0);
    const limit = request.limit ?? 10;
    if (limit < 1)
      throw new Refusal(422, 'Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]');
    return {
      points: rest.slice(0, limit).map((point) => ({
        id: point.id,
        ...shown(point, request.with_payload ?? true, request.with_vector),
      })),
      next_page_offset: rest[limit]?.id ?? null,
    };
  }

  private assertSize(vector: readonly unknown[]): void {
    const { size } = this.vectors;
    if (vector.length === size) return;
    throw new Refusal(
      400,
      `Wrong input: Vector dimension error: expected dim: ${size}, got ${vector.length}`,
    );
  }

  /** Applies a write: at once where it is waited for, else a while after it was acknowledged. */
  write(wait: boolean, apply: () => void): Schemas['UpdateResult'] {
    this.operations += 1;
    const operation_id = this.operations;
    if (wait) apply();
    else setTimeout(apply, UNAWAITED_MS).unref();
    return { operation_id, status: wait ? 'completed' : 'acknowledged' };
  }
}

function assertId(id: unknown): void {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0) return;
  if (typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return;
  throw new Refusal(
    400,
    `Format error in JSON body: value ${String(id)} is not a valid point ID, valid values are either an unsigned integer or a UUID`,
  );
}

// Numbers come before UUIDs.
function order(a: Id, b: Id): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function shown(
  point: Point,
  withPayload: unknown,
  withVector: unknown,
): { payload: Record<string, unknown> | null; vector?: number[] } {
  return {
    payload: payloadOf(point.payload, withPayload),
    ...(withVector === true && { vector: point.vector }),
  };
}

function payloadOf(payload: Record<string, unknown>, selector: unknown): Record<string, unknown> | null {
  if (selector === false) return null;
  if (selector === true) return payload;
  const { include = Array.isArray(selector) ? selector : undefined, exclude = [] } = selector as {
    include?: string[];
    exclude?: string[];
  };
  return Object.fromEntries(
    Object.entries(payload).filter(
      ([key]) => (include === undefined || include.includes(key)) && !exclude.includes(key),
    ),
  );
}

// The server keeps vectors as 32-bit floats, of length one where their similarity is the cosine.
function normalized(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? [...vector] : Array.from(Float32Array.from(vector, (x) => x / length));
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}
