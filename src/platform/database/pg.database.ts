import { DataSource } from 'typeorm';
import type pg from 'pg';
import { Deadline } from '../../kernel/deadline.js';
import type { Traits } from '../../resilience/dependency.js';
import {
  Database,
  type PoolStatus,
  type QueryOptions,
  type Transaction,
  type WorkOptions,
} from './database.js';
import { HardClient } from './hard.client.js';
import { QuietLogger } from './quiet.logger.js';
import { migrations } from './migrations.js';

export interface PgConnection {
  url?: string;
  host?: string;
  port?: number;
  username?: string;
  database?: string;
}

export interface PgOptions {
  /** Connections that the pool opens at most. */
  poolMax: number;
  /** How long a caller waits for a connection, new or free. */
  acquireTimeoutMs: number;
  /** The longest that one statement may take. */
  statementTimeoutMs: number;
}

/** What PostgreSQL and PGlite have in common: one plain TypeORM DataSource over pg, and hardened connections. */
export abstract class PgDatabase extends Database {
  #source: DataSource | undefined;

  constructor(protected readonly options: PgOptions) {
    super();
  }

  abstract override readonly traits: Traits;

  /** Makes the server reachable and says where it is. */
  protected abstract connect(signal: AbortSignal): Promise<PgConnection>;

  /** Brings the schema up to date, one process at a time. `signal` ends the wait for another one, not the migration. */
  protected abstract migrate(source: DataSource, signal: AbortSignal): Promise<void>;

  async open(signal: AbortSignal): Promise<void> {
    if (this.#source?.isInitialized) return;
    const source = this.newSource(await this.connect(signal), this.options.poolMax);
    try {
      await source.initialize();
      await this.migrate(source, signal);
    } catch (error) {
      if (source.isInitialized) await source.destroy();
      throw error;
    }
    this.#source = source;
  }

  async transaction<T>(
    _operation: string,
    work: (tx: Transaction) => Promise<T>,
    options: WorkOptions = {},
  ): Promise<T> {
    return this.withClient(options.signal, async (client) => {
      await client.query('begin');
      const tx = new OpenTransaction(client);
      try {
        await this.prepare(client, options.businessId);
        const result = await work(tx);
        options.signal?.throwIfAborted();
        await tx.commit();
        return result;
      } catch (error) {
        // When even the rollback fails, the connection is cut and the server rolls back by itself.
        if (!client.idle) await client.query('rollback').catch((e: Error) => client.destroy(e));
        throw error;
      } finally {
        tx.end();
      }
    });
  }

  async query<Row>(
    _operation: string,
    sql: string,
    parameters: unknown[] = [],
    options: QueryOptions = {},
  ): Promise<Row[]> {
    return this.withClient(options.signal, async (client) => {
      try {
        return await rows<Row>(client, sql, parameters);
      } catch (error) {
        // A text of several statements may have begun a transaction, and the driver reports the error before it knows.
        await client.query('rollback').catch((e: Error) => client.destroy(e));
        throw error;
      }
    });
  }

  async check(signal: AbortSignal): Promise<void> {
    const [row] = await this.query<{ read_only: string }>(
      'check',
      "select current_setting('transaction_read_only') as read_only",
      [],
      { signal },
    );
    if (row?.read_only === 'on') throw Object.assign(new Error('The server is read-only'), { code: '25006' });
  }

  pool(): PoolStatus {
    const pool = this.#source?.isInitialized
      ? (this.#source.driver as unknown as { master: pg.Pool }).master
      : undefined;
    const size = pool?.totalCount ?? 0;
    const idle = pool?.idleCount ?? 0;
    return { size, idle, inUse: size - idle, waiting: pool?.waitingCount ?? 0 };
  }

  async close(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    if (source?.isInitialized) await source.destroy();
  }

  protected newSource(
    connection: PgConnection,
    poolMax: number,
    statementTimeoutMs = this.options.statementTimeoutMs,
  ) {
    return new DataSource({
      type: 'postgres',
      ...connection,
      applicationName: 'mainstay',
      migrations,
      migrationsTransactionMode: 'each',
      logger: new QuietLogger(),
      // An idle connection that breaks is replaced at its next use; nothing more is to be done about it.
      poolErrorHandler: () => {},
      extra: {
        Client: HardClient,
        max: poolMax,
        connectionTimeoutMillis: this.options.acquireTimeoutMs,
        ...(statementTimeoutMs > 0 && {
          // The server gives up before we do: a slow statement then ends cleanly and the connection lives on.
          statement_timeout: statementTimeoutMs,
          query_timeout: statementTimeoutMs + 1_000,
        }),
        lock_timeout: 5_000,
        idle_in_transaction_session_timeout: 5_000,
        keepAlive: true,
        keepAliveInitialDelayMillis: 5_000,
        idleTimeoutMillis: 30_000,
        ...this.recycling(),
      },
    });
  }

  /** How connections are renewed, and what else only a server understands. */
  protected recycling(): object {
    return {
      maxLifetimeSeconds: 300,
      // A statement that nobody waits for any more ends within half a second, instead of at its time limit.
      options: '-c client_connection_check_interval=500',
    };
  }

  private get source(): DataSource {
    if (!this.#source?.isInitialized)
      throw Object.assign(new Error('The database is not open'), { code: 'ECONNREFUSED' });
    return this.#source;
  }

  /** Lends a connection to `work` and never gives one back to the pool that is not between two transactions. */
  private async withClient<T>(
    signal: AbortSignal | undefined,
    work: (client: HardClient) => Promise<T>,
  ): Promise<T> {
    const runner = this.source.createQueryRunner();
    const client = (await runner.connect()) as HardClient;
    const onAbort = () => client.destroy(signal!.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      signal?.throwIfAborted();
      return await work(client);
    } catch (error) {
      // We cut the connection ourselves: what the driver makes of that would pass for a fault of the server.
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (!client.idle) client.destroy(new Error('A transaction was left open'));
      await runner.release();
    }
  }

  /** Tells the server whom the transaction is for and how long it may take. */
  private async prepare(client: HardClient, businessId: string | undefined): Promise<void> {
    const remainingMs = Deadline.current()?.remainingMs();
    const statementMs = Math.ceil(
      Math.max(1, Math.min(remainingMs ?? Infinity, this.options.statementTimeoutMs)),
    );
    await client.query(
      "select set_config('app.business_id', $1, true), set_config('statement_timeout', $2, true)",
      [businessId ?? '', String(statementMs)],
    );
  }
}

/** The transaction as its work sees it, and only for as long as it lasts. */
class OpenTransaction implements Transaction {
  #over = false;
  #failure: unknown;

  constructor(private readonly client: HardClient) {}

  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    // The connection is somebody else's by now: what came late would be done in his transaction, or in none.
    if (this.#over) throw new Error('The transaction is over: this statement came too late and was not sent');
    try {
      return await rows<Row>(this.client, sql, parameters);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** @throws Error when a statement failed and the work went on regardless */
  async commit(): Promise<void> {
    this.#over = true;
    const { command } = await this.client.query('commit');
    // So the server answers when there is nothing to commit any more, and it calls that no error.
    if (command !== 'ROLLBACK') return;
    throw new Error('A statement of the transaction failed, so nothing of it was kept', {
      cause: this.#failure,
    });
  }

  end(): void {
    this.#over = true;
  }
}

// Past TypeORM's own query method: of several statements in one text it returns nothing.
async function rows<Row>(client: HardClient, sql: string, parameters: readonly unknown[]): Promise<Row[]> {
  const results = (await client.query(sql, [...parameters])) as pg.QueryResult | pg.QueryResult[];
  return (Array.isArray(results) ? results : [results]).flatMap((result) => result.rows as Row[]);
}
