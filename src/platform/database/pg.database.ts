import { Deadline } from '../../kernel/deadline.js';
import type { Traits } from '../../resilience/dependency.js';
import {
  Database,
  TIMER_MS_MAX,
  type PoolStatus,
  type QueryOptions,
  type Transaction,
  type WorkOptions,
} from './database.js';
import type { HardClient } from './hard.client.js';
import { NEWEST_MIGRATION, SchemaBehind } from './migrations.js';
import type { PgPool } from './pg.pool.js';
import { OpenTransaction, rows } from './pg.transaction.js';

const CHECK = `select current_setting('transaction_read_only') as read_only,
  exists (select from migrations where name = $1) as current`;
const LAST_WORD_MS = 40;
const NOT_OPEN: PoolStatus = { size: 0, inUse: 0, idle: 0, waiting: 0, acquireP95Ms: 0, connects: 0 };

/** What opening a database comes to. */
export interface Connected {
  pool: PgPool;
  /** What became of the schema, in words. */
  schema?: string;
}

/** What PostgreSQL and PGlite have in common: transactions and statements over a pool of hardened connections. */
export abstract class PgDatabase extends Database {
  #pool: PgPool | undefined;
  #opening: Promise<string | void> | undefined;

  /** @param statementTimeoutMs the longest that one statement may take */
  constructor(protected readonly statementTimeoutMs: number) {
    super();
  }

  abstract override readonly traits: Traits;

  abstract override reach(signal: AbortSignal): Promise<void>;

  async open(signal: AbortSignal): Promise<string | void> {
    if (this.#pool !== undefined) return;
    // One at a time, whoever asks: a pool that nobody knows of would never be closed.
    this.#opening ??= this.connect(signal)
      .then(({ pool, schema }) => {
        this.#pool = pool;
        return schema;
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }

  /** Reaches the database, brings its schema up to date, and opens the pool that the service works with. */
  protected abstract connect(signal: AbortSignal): Promise<Connected>;

  /** The pool whose connections may become the owner of the tables. */
  protected abstract owners(): Promise<PgPool>;

  async transaction<T>(
    _operation: string,
    work: (tx: Transaction) => Promise<T>,
    options: WorkOptions = {},
  ): Promise<T> {
    return this.run(this.opened, work, options, () => ({
      'app.business_id': options.businessId ?? '',
      statement_timeout: this.statementLimit(),
    }));
  }

  async query<Row>(
    _operation: string,
    sql: string,
    parameters: unknown[] = [],
    options: QueryOptions = {},
  ): Promise<Row[]> {
    return this.opened.lend(options.signal, async (client) => {
      try {
        return await rows<Row>(client, sql, parameters);
      } catch (error) {
        // A text of several statements may have begun a transaction, and the driver reports the error before it knows.
        await client.query('rollback').catch((e: Error) => client.destroy(e));
        throw error;
      }
    });
  }

  /** Not bounded but by the signal: building an index takes as long as it takes. */
  async administer<T>(
    _operation: string,
    work: (tx: Transaction) => Promise<T>,
    options: QueryOptions = {},
  ): Promise<T> {
    const local = { role: 'none', 'app.business_id': '', statement_timeout: '0' };
    return this.run(await this.owners(), work, options, () => local, TIMER_MS_MAX);
  }

  async tenants(options: QueryOptions = {}): Promise<string[]> {
    const list = 'select business_id from tenants order by business_id';
    const found = await this.administer(
      'list the tenants',
      (tx) => tx.query<{ business_id: string }>(list),
      options,
    );
    return found.map((row) => row.business_id);
  }

  async check(signal: AbortSignal): Promise<void> {
    const check = async (client: HardClient) => {
      const [row] = await rows<{ read_only: string; current: boolean }>(client, CHECK, [NEWEST_MIGRATION]);
      if (row!.read_only === 'on') {
        this.opened.retire();
        throw client.condemnReadOnly();
      }
      if (!row!.current) throw new SchemaBehind();
    };
    await this.checked.lend(signal, check);
  }

  pool(): PoolStatus {
    return this.#pool?.status ?? NOT_OPEN;
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.close();
  }

  protected get opened(): PgPool {
    if (this.#pool === undefined)
      throw Object.assign(new Error('The database is not open'), { code: 'ECONNREFUSED' });
    return this.#pool;
  }

  /** The pool that checks are made over. */
  protected get checked(): PgPool {
    return this.opened;
  }

  /** @param local parameters of the server that hold for this transaction alone, as they are when it begins */
  private run<T>(
    pool: PgPool,
    work: (tx: Transaction) => Promise<T>,
    { signal }: QueryOptions,
    local: () => Record<string, string>,
    statementMs?: number,
  ): Promise<T> {
    const inside = async (client: HardClient) => {
      const tx = new OpenTransaction(client, statementMs);
      try {
        await setLocally(client, local());
        const result = await work(tx);
        signal?.throwIfAborted();
        await tx.commit();
        return result;
      } catch (error) {
        // When even the rollback fails, the connection is cut and the server rolls back by itself.
        if (!client.idle) await client.query('rollback').catch((e: Error) => client.destroy(e));
        throw error;
      } finally {
        tx.end();
      }
    };
    return pool.lend(signal, inside, 'begin');
  }

  /**
   * As the server reads it, in milliseconds: what the request has left, if that is less, but for the moment that it takes to
   * say so. A statement that the server ends leaves the connection as good as new; one that we cut off takes it along.
   */
  private statementLimit(): string {
    const remainingMs = (Deadline.current()?.remainingMs() ?? Infinity) - LAST_WORD_MS;
    return String(Math.ceil(Math.max(1, Math.min(remainingMs, this.statementTimeoutMs))));
  }
}

async function setLocally(client: HardClient, parameters: Record<string, string>): Promise<void> {
  const names = Object.keys(parameters);
  await client.query(
    `select ${names.map((name, i) => `set_config('${name}', $${i + 1}, true)`).join(', ')}`,
    names.map((name) => parameters[name]),
  );
}
