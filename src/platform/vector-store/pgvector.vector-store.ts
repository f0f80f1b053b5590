import { filterSql } from '../database/filter.js';
import type { Database, Transaction } from '../database/database.js';
import type { Traits } from '../../resilience/dependency.js';
import { lockOf, PgvectorCollections, tableOf } from './pgvector.collections.js';
import {
  VectorStore,
  type CollectionSpec,
  type CollectionView,
  type Hit,
  type Listing,
  type Nearest,
  type Page,
  type Point,
  type PointRef,
} from './vector-store.js';

// The embedded engine has one connection: a larger batch keeps everybody else waiting (measured: 100 points, 400 ms).
const BATCH = 20;

/**
 * Vectors in PostgreSQL, by its extension pgvector: a table a collection, with an HNSW index. Nothing is tried again here:
 * the guard around this does that.
 */
export class PgvectorVectorStore extends VectorStore {
  readonly adapter = 'pgvector';
  override readonly needs = ['migrations'];
  readonly traits: Traits;
  private readonly existing: PgvectorCollections;

  constructor(private readonly database: Database) {
    super();
    this.traits = database.traits;
    this.existing = new PgvectorCollections(database);
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
    for (const [businessId, own] of Map.groupBy(points, (point) => point.payload.business_id)) {
      for (let i = 0; i < own.length; i += BATCH) {
        const batch = own.slice(i, i + BATCH);
        await this.writing('upsert points', businessId, collection, signal, (tx, table) =>
          tx.query(
            `insert into ${table} (id, business_id, document_id, version, payload, embedding)
             select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::jsonb[], $6::vector[])
             on conflict (id) do update set document_id = excluded.document_id, version = excluded.version,
               payload = excluded.payload, embedding = excluded.embedding`,
            [
              batch.map((p) => p.id),
              batch.map((p) => p.payload.business_id),
              batch.map((p) => p.payload.document_id),
              batch.map((p) => p.payload.version),
              batch.map((p) => JSON.stringify(p.payload)),
              batch.map((p) => toSql(p.vector)),
            ],
          ),
        );
      }
    }
  }

  async remove(
    collection: string,
    { businessId, documentId, before }: { businessId: string; documentId: string; before?: number },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.writing('remove points', businessId, collection, signal, (tx, table) =>
      tx.query(
        `delete from ${table} where business_id = $1 and document_id = $2 and ($3::int is null or version < $3)`,
        [businessId, documentId, before ?? null],
      ),
    );
  }

  nearest(collection: string, query: Nearest, signal?: AbortSignal): Promise<Hit[]> {
    const parameters: unknown[] = [toSql(query.vector), query.businessId, query.limit];
    const filter = filterSql(`payload -> 'metadata'`, query.filter ?? {}, parameters);
    return this.reading(
      'find the nearest points',
      query.businessId,
      collection,
      signal,
      async (tx, table) => {
        // An index scan stops at so many candidates, before the tenant and the filter are looked at: it must go on until
        // there are enough of this tenant's.
        await tx.query(
          `select set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.ef_search', $1, true)`,
          [String(Math.min(1_000, Math.max(40, query.limit)))],
        );
        const search = () =>
          tx.query<Hit>(
            `select id, payload, 1 - (embedding <=> $1::vector) as score from ${table}
           where business_id = $2 and ${filter} order by embedding <=> $1::vector limit $3`,
            parameters,
          );
        const found = await search();
        if (found.length === query.limit) return found;
        // Too few: there are no more, or the index lost its way among the points of others (copies of one text cut its graph
        // in pieces). Of a tenant that small every point can be looked at.
        await tx.query(`select set_config('enable_indexscan', 'off', true)`);
        return search();
      },
    );
  }

  async count(
    collection: string,
    { businessId, documentId }: { businessId: string; documentId?: string },
    signal?: AbortSignal,
  ): Promise<number> {
    const [row] = await this.reading('count points', businessId, collection, signal, (tx, table) =>
      tx.query<{ count: number }>(
        `select count(*)::int as count from ${table} where business_id = $1 and ($2::uuid is null or document_id = $2)`,
        [businessId, documentId ?? null],
      ),
    );
    return row!.count;
  }

  async list(
    collection: string,
    { businessId, documentIds, from, limit }: Listing,
    signal?: AbortSignal,
  ): Promise<Page> {
    const points = await this.reading('list points', businessId, collection, signal, (tx, table) =>
      tx.query<PointRef>(
        `select id, document_id, version from ${table}
         where business_id = $1 and ($2::uuid[] is null or document_id = any($2)) and ($3::uuid is null or id > $3)
         order by id limit $4`,
        [businessId, documentIds ?? null, from ?? null, limit],
      ),
    );
    return { points, next: points.length < limit ? undefined : points.at(-1)?.id };
  }

  /** Its connections are the database's. */
  async close(): Promise<void> {}

  /** Reads what a name stands for now. Between the look at the name and the reading, its table may have been dropped. */
  private async reading<T>(
    operation: string,
    businessId: string,
    name: string,
    signal: AbortSignal | undefined,
    work: (tx: Transaction, table: string) => Promise<T>,
  ): Promise<T> {
    const read = () =>
      this.database.transaction(operation, async (tx) => work(tx, await tableOf(tx, name)), {
        businessId,
        ...(signal && { signal }),
      });
    try {
      return await read();
    } catch (error) {
      if ((error as { code?: unknown }).code !== UNDEFINED_TABLE) throw error;
      return read();
    }
  }

  /** Writes to what a name stands for, which does not change before it is done. */
  private async writing<T>(
    operation: string,
    businessId: string,
    name: string,
    signal: AbortSignal | undefined,
    work: (tx: Transaction, table: string) => Promise<T>,
  ): Promise<T> {
    return this.database.transaction(
      operation,
      async (tx) => {
        // In a statement of its own: one that waits for the lock would go on to see what was true before.
        await tx.query('select pg_advisory_xact_lock_shared(hashtext($1))', [lockOf(name)]);
        return work(tx, await tableOf(tx, name));
      },
      { businessId, ...(signal && { signal }) },
    );
  }
}

// What PostgreSQL calls a table that is not there.
const UNDEFINED_TABLE = '42P01';

function toSql(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
}
