import type { Database, Transaction } from '../database/database.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import {
  CollectionMismatch,
  CollectionMissing,
  type CollectionSpec,
  type CollectionView,
} from './vector-store.js';

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

/** The collections in the database: a table each, in a schema of their own, with two tables that tell of them. */
export class PgvectorCollections {
  private installed = false;

  constructor(private readonly database: Database) {}

  async ensure(spec: CollectionSpec, signal?: AbortSignal): Promise<boolean> {
    await this.install(signal);
    const found = await this.find(spec.name, signal);
    if (found !== undefined) {
      assertSame(spec, found);
      return false;
    }
    const name = `${spec.name}_1`;
    await this.create(spec, name, signal);
    await this.database.query(
      'name a collection',
      'insert into vectors.aliases (alias, collection) values ($1, $2) on conflict (alias) do nothing',
      [spec.name, name],
      { ...(signal && { signal }) },
    );
    return true;
  }

  async list(signal?: AbortSignal): Promise<CollectionView[]> {
    await this.install(signal);
    const found = await this.database.query<Omit<CollectionView, 'alias'> & { alias: string | null }>(
      'look at the collections',
      // As the planner knows it: counting would read every tenant's points.
      `select c.name, a.alias, c.model, c.dimension, greatest(0, t.reltuples)::int as points
       from vectors.collections c left join vectors.aliases a on a.collection = c.name
       left join pg_class t on t.oid = to_regclass(format('vectors.%I', c.name)) order by c.name`,
      [],
      { ...(signal && { signal }) },
    );
    return found.map((view) => ({ ...view, alias: view.alias ?? undefined }));
  }

  async create(spec: CollectionSpec, name: string, signal?: AbortSignal): Promise<void> {
    await this.install(signal);
    const table = tableNamed(name);
    await this.database.administer(
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
        await tx.query('select separate_tenants($1::regclass)', [table]);
      },
      { ...(signal && { signal }) },
    );
    assertSame(spec, (await this.find(name, signal))!);
  }

  /** Waits for the writes that are under way to what the alias stands for now: none comes after them. */
  async alias(alias: string, collection: string, signal?: AbortSignal): Promise<void> {
    await this.database.transaction(
      'move an alias',
      async (tx) => {
        await tx.query('select pg_advisory_xact_lock(hashtext($1))', [lockOf(alias)]);
        await tx.query(
          `insert into vectors.aliases (alias, collection) values ($1, $2)
           on conflict (alias) do update set collection = excluded.collection`,
          [alias, collection],
        );
      },
      { ...(signal && { signal }) },
    );
  }

  async drop(collection: string, signal?: AbortSignal): Promise<void> {
    await this.database.administer(
      'drop a collection',
      async (tx) => {
        await tx.query('delete from vectors.collections where name = $1', [collection]);
        await tx.query(`drop table if exists ${tableNamed(collection)}`);
      },
      { ...(signal && { signal }) },
    );
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.install(signal);
    await this.database.query('count the collections', 'select count(*) from vectors.collections', [], {
      signal,
    });
  }

  private async install(signal?: AbortSignal): Promise<void> {
    if (this.installed) return;
    const installed = this.database.administer(
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

  private async find(name: string, signal?: AbortSignal): Promise<Found | undefined> {
    const [found] = await this.database.query<Found>('find a collection', FIND, [name], {
      ...(signal && { signal }),
    });
    return found;
  }
}

type Found = Pick<CollectionView, 'name' | 'model' | 'dimension'>;

const FIND = `select c.name, c.model, c.dimension from vectors.collections c left join vectors.aliases a on a.collection = c.name
  where a.alias = $1 or c.name = $1 order by a.alias = $1 desc nulls last limit 1`;

/** The table that a name stands for now. @throws CollectionMissing */
export async function tableOf(tx: Transaction, name: string): Promise<string> {
  const [found] = await tx.query<Found>(FIND, [name]);
  if (found === undefined) throw new CollectionMissing(name);
  return tableNamed(found.name);
}

/** What those who write to a name hold together, and who moves it holds alone. */
export function lockOf(alias: string): string {
  return `mainstay vectors ${alias}`;
}

function assertSame(spec: CollectionSpec, found: Found): void {
  if (found.model === spec.model && found.dimension === spec.dimension) return;
  throw new CollectionMismatch(
    spec.name,
    `${found.model} (${found.dimension} dimensions)`,
    `${spec.model} (${spec.dimension})`,
  );
}

// Names come from the settings, where their form is checked; this is the last look before one becomes part of a statement.
function tableNamed(collection: string): string {
  if (!/^[a-z][a-z0-9_]{0,50}$/.test(collection))
    throw new Error(`Not the name of a collection: ${collection}`);
  return `vectors."${collection}"`;
}
