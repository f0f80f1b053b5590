import { filterSql } from '../database/filter.js';
import type { Database } from '../database/database.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import type { Traits } from '../../resilience/dependency.js';
import {
  CollectionMismatch,
  VectorStore,
  type CollectionSpec,
  type Hit,
  type Nearest,
  type Point,
} from './vector-store.js';

// The embedded engine has one connection: a larger batch keeps everybody else waiting (measured: 100 points, 400 ms).
const BATCH = 20;

/** The database cannot keep vectors. */
export class PgvectorMissing extends Error {
  constructor(cause: unknown) {
    const words = cause instanceof Error ? cause.message : String(cause);
    super(
      `The extension pgvector cannot be had in this database (${words}). ` +
        'Install it on the server, or have a superuser run there: create extension vector',
      { cause },
    );
    this.name = 'PgvectorMissing';
  }
}

/**
 * Vectors in PostgreSQL, by its extension pgvector: a table a collection, with an HNSW index. Nothing is tried again here:
 * the guard around this does that.
 */
export class PgvectorVectorStore extends VectorStore {
  readonly adapter = 'pgvector';
  readonly traits: Traits;
  // Which table a name stands for. Forgotten whenever this process changes an alias; another replica's change is seen when
  // the table that it pointed to is gone.
  private readonly tables = new Map<string, string>();
  private installed = false;

  constructor(private readonly database: Database) {
    super();
    this.traits = database.traits;
  }

  async ensure(spec: CollectionSpec, signal?: AbortSignal): Promise<void> {
    await this.install(signal);
    const found = await this.find(spec.name, signal);
    if (found === undefined) return this.create(spec, signal);
    if (found.model !== spec.model || found.dimension !== spec.dimension) {
      throw new CollectionMismatch(
        spec.name,
        `${found.model} (${found.dimension} dimensions)`,
        `${spec.model} (${spec.dimension})`,
      );
    }
  }

  async upsert(collection: string, points: readonly Point[], signal?: AbortSignal): Promise<void> {
    for (let i = 0; i < points.length; i += BATCH) {
      const batch = points.slice(i, i + BATCH);
      await this.database.query(
        'upsert points',
        `insert into ${await this.table(collection, signal)} (id, business_id, document_id, version, payload, embedding)
         select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::jsonb[], $6::vector[])
         on conflict (id) do update set payload = excluded.payload, embedding = excluded.embedding`,
        [
          batch.map((p) => p.id),
          batch.map((p) => p.payload.business_id),
          batch.map((p) => p.payload.document_id),
          batch.map((p) => p.payload.version),
          batch.map((p) => JSON.stringify(p.payload)),
          batch.map((p) => toSql(p.vector)),
        ],
        { ...(signal && { signal }) },
      );
    }
  }

  async remove(
    collection: string,
    { businessId, documentId, keep }: { businessId: string; documentId: string; keep?: number },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.database.query(
      'remove points',
      `delete from ${await this.table(collection, signal)}
       where business_id = $1 and document_id = $2 and version is distinct from $3::int`,
      [businessId, documentId, keep ?? null],
      { ...(signal && { signal }) },
    );
  }

  async nearest(collection: string, query: Nearest, signal?: AbortSignal): Promise<Hit[]> {
    const table = await this.table(collection, signal);
    const parameters: unknown[] = [toSql(query.vector), query.businessId, query.limit];
    const filter = filterSql(`payload -> 'metadata'`, query.filter ?? {}, parameters);
    return this.database.transaction(
      'find the nearest points',
      async (tx) => {
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
      { businessId: query.businessId, ...(signal && { signal }) },
    );
  }

  async count(
    collection: string,
    { businessId, documentId }: { businessId: string; documentId?: string },
    signal?: AbortSignal,
  ): Promise<number> {
    const [row] = await this.database.query<{ count: number }>(
      'count points',
      `select count(*)::int as count from ${await this.table(collection, signal)}
       where business_id = $1 and ($2::uuid is null or document_id = $2)`,
      [businessId, documentId ?? null],
      { ...(signal && { signal }) },
    );
    return row!.count;
  }

  async alias(alias: string, collection: string, signal?: AbortSignal): Promise<void> {
    await this.database.query(
      'move an alias',
      `insert into vectors.aliases (alias, collection) values ($1, $2)
       on conflict (alias) do update set collection = excluded.collection`,
      [alias, collection],
      { ...(signal && { signal }) },
    );
    this.tables.clear();
  }

  async drop(collection: string, signal?: AbortSignal): Promise<void> {
    await this.database.transaction(
      'drop a collection',
      async (tx) => {
        await tx.query('delete from vectors.collections where name = $1', [collection]);
        await tx.query(`drop table if exists ${tableOf(collection)}`);
      },
      { ...(signal && { signal }) },
    );
    this.tables.clear();
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.install(signal);
    await this.database.query('count the collections', 'select count(*) from vectors.collections', [], {
      signal,
    });
  }

  private async install(signal?: AbortSignal): Promise<void> {
    if (this.installed) return;
    const installed = this.database.transaction(
      'install pgvector',
      async (tx) => {
        // Two replicas that make the same schema at once would fail each other.
        await tx.query(`select pg_advisory_xact_lock(hashtext('mainstay vectors'))`);
        await tx.query(`
          create extension if not exists vector;
          create schema if not exists vectors;
          create table if not exists vectors.collections (
            name text primary key, model text not null, dimension integer not null, created_at timestamptz not null default now());
          create table if not exists vectors.aliases (
            alias text primary key, collection text not null references vectors.collections (name))`);
      },
      { ...(signal && { signal }) },
    );
    await installed.catch((error: unknown) => {
      throw error instanceof DependencyError ? error : new PgvectorMissing(error);
    });
    this.installed = true;
  }

  private async find(name: string, signal?: AbortSignal) {
    const [found] = await this.database.query<{ name: string; model: string; dimension: number }>(
      'find a collection',
      `select c.name, c.model, c.dimension from vectors.collections c left join vectors.aliases a on a.collection = c.name
       where a.alias = $1 or c.name = $1 order by a.alias = $1 desc nulls last limit 1`,
      [name],
      { ...(signal && { signal }) },
    );
    return found;
  }

  private async create(spec: CollectionSpec, signal?: AbortSignal): Promise<void> {
    const name = `${spec.name}_1`;
    const table = tableOf(name);
    await this.database.transaction(
      'create a collection',
      async (tx) => {
        await tx.query(`select pg_advisory_xact_lock(hashtext('mainstay vectors'))`);
        await tx.query(
          'insert into vectors.collections (name, model, dimension) values ($1, $2, $3) on conflict (name) do nothing',
          [name, spec.model, spec.dimension],
        );
        // Plain storage keeps the vector in its row: fetching it from a side table made an exact scan three times slower.
        await tx.query(`
          create table if not exists ${table} (
            id uuid primary key, business_id text not null, document_id uuid not null, version integer not null,
            payload jsonb not null, embedding vector(${spec.dimension}) not null);
          alter table ${table} alter column embedding set storage plain;
          create index if not exists "${name}_by_payload" on ${table} (${spec.payloadIndexes.join(', ')});
          create index if not exists "${name}_nearest" on ${table} using hnsw (embedding vector_cosine_ops)
            with (m = ${spec.hnsw.m}, ef_construction = ${spec.hnsw.efConstruct})`);
        await tx.query(
          'insert into vectors.aliases (alias, collection) values ($1, $2) on conflict (alias) do nothing',
          [spec.name, name],
        );
      },
      { ...(signal && { signal }) },
    );
  }

  private async table(name: string, signal?: AbortSignal): Promise<string> {
    const known = this.tables.get(name);
    if (known !== undefined) return known;
    const found = await this.find(name, signal);
    if (found === undefined) throw new Error(`There is no collection ${name}`);
    const table = tableOf(found.name);
    this.tables.set(name, table);
    return table;
  }
}

// Names come from the settings, where their form is checked; this is the last look before one becomes part of a statement.
function tableOf(collection: string): string {
  if (!/^[a-z][a-z0-9_]{0,50}$/.test(collection))
    throw new Error(`Not the name of a collection: ${collection}`);
  return `vectors."${collection}"`;
}

function toSql(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
}
