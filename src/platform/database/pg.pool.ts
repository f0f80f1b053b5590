import { DataSource } from 'typeorm';
import type pg from 'pg';
import { untilAborted } from '../../kernel/abort.js';
import { Statistics } from '../../resilience/statistics.js';
import { OutcomeUnknown, type PoolStatus } from './database.js';
import { HardClient } from './hard.client.js';
import { migrations } from './migrations.js';
import { classifyPostgres } from './postgres.faults.js';
import { QuietLogger } from './quiet.logger.js';

export interface PgConnection {
  url?: string;
  host?: string;
  port?: number;
  username?: string;
  database?: string;
}

export interface PoolOptions {
  /** Connections that are kept; those above it are closed when they have been idle for a while. */
  min: number;
  max: number;
  /** How long a caller waits for a connection, new or free, and for its first sign of life. */
  acquireTimeoutMs: number;
  /** The longest that one statement may take; 0 for as long as it takes. */
  statementTimeoutMs: number;
  idleTimeoutMs: number;
  /** The age at which a connection is replaced; 0 for never. */
  recycleS: number;
  /** Parameters of the server, by name, that every connection is given before its first use. */
  session: Record<string, string>;
}

const RETIRE_EVERY_MS = 1_000;
// An old connection that is silent has to leave time for a new one: together they are not to take a second.
const SIGN_OF_LIFE_SHARE = 0.6;
const RESTED_AFTER_MS = 1_000;

/** A pool of hardened connections over one plain TypeORM DataSource. */
export class PgPool {
  private readonly acquired = new Statistics();
  private connects = 0;
  private retiredBeforeMs = -Infinity;
  private retiring: NodeJS.Timeout | undefined;
  /** Told when its connections are replaced: another pool may have connections to the same. */
  onRetire: () => void = () => {};

  readonly source: DataSource;

  private constructor(
    connection: PgConnection,
    private readonly options: PoolOptions,
  ) {
    this.source = newSource(connection, options, () => (this.connects += 1));
  }

  static async open(connection: PgConnection, options: PoolOptions): Promise<PgPool> {
    const pool = new PgPool(connection, options);
    await pool.source.initialize();
    return pool;
  }

  get status(): PoolStatus {
    const { totalCount: size, idleCount: idle, waitingCount: waiting } = this.pool;
    const acquireP95Ms = this.acquired.latencies()?.p95 ?? 0;
    return { size, idle, inUse: size - idle, waiting, acquireP95Ms, connects: this.connects };
  }

  /**
   * Lends a connection to `work` and never takes one back that is not between two transactions.
   * @param opening a statement that is sent first, and shows that the connection lives: `begin`
   */
  async lend<T>(
    signal: AbortSignal | undefined,
    work: (client: HardClient) => Promise<T>,
    opening?: string,
  ): Promise<T> {
    const { client, release } = await this.borrow(signal, opening);
    try {
      signal?.throwIfAborted();
      return await cutBy(signal, client, () => work(client));
    } catch (error) {
      // We cut the connection ourselves: what the driver makes of that would pass for a fault of the server.
      // But what may have been kept must be said to be so, whoever cut it.
      throw signal?.aborted && !(error instanceof OutcomeUnknown) ? signal.reason : error;
    } finally {
      if (client.readOnlyServer) this.retire();
      if (!client.idle) client.destroy(new Error('A transaction was left open'));
      client.returnedMs = performance.now();
      await release();
    }
  }

  /**
   * The connections that are open now are replaced before their next use. What stands behind the server's name has
   * changed: those that happen to have been idle would go on to read from a server that is no longer the one.
   */
  retire(): void {
    if (this.retiring !== undefined) return;
    // While it stays so, each connection says it again: a new one for every call would only add to the trouble.
    const waitMs = this.retiredBeforeMs + RETIRE_EVERY_MS - performance.now();
    if (waitMs <= 0) this.retireNow();
    else this.retiring = setTimeout(() => this.retireNow(), waitMs).unref();
  }

  private retireNow(): void {
    this.retiring = undefined;
    this.retiredBeforeMs = performance.now();
    this.onRetire();
  }

  async close(): Promise<void> {
    clearTimeout(this.retiring);
    if (this.source.isInitialized) await this.source.destroy();
  }

  private get pool(): pg.Pool {
    return (this.source.driver as unknown as { master: pg.Pool }).master;
  }

  /**
   * A connection that is alive. One that died while it was idle costs nobody a failure: nothing has been done on it yet, so
   * the next one is taken, and in the end a new one. One that is silent is given up before a new one would have to be,
   * and once only: behind it may be a server that hangs.
   */
  private async borrow(signal: AbortSignal | undefined, opening: string | undefined): Promise<Borrowed> {
    const startedMs = performance.now();
    for (let silent = 0; ;) {
      const runner = this.source.createQueryRunner();
      const connecting = runner.connect() as Promise<HardClient>;
      const client = await untilAborted(connecting, signal).catch((error: unknown) => {
        // Who gave up while he waited has sent nothing: the connection, when it comes, is as good as before.
        void connecting.then(
          () => runner.release(),
          () => {}, // it did not come either
        );
        throw error;
      });
      const { returnedMs } = client;
      try {
        if (client.bornMs < this.retiredBeforeMs) throw new Retired();
        const sign = opening ?? (isRested(returnedMs) ? 'select' : undefined);
        if (sign !== undefined) {
          const share = returnedMs === undefined ? 1 : SIGN_OF_LIFE_SHARE;
          const first = { text: sign, query_timeout: share * this.options.acquireTimeoutMs };
          await cutBy(signal, client, () => client.query(first));
        }
        this.acquired.record('ok', performance.now() - startedMs);
        return { client, release: () => runner.release() };
      } catch (error) {
        client.destroy(error as Error);
        await runner.release();
        if (error instanceof Retired) continue;
        const lost =
          returnedMs !== undefined && !signal?.aborted ? classifyPostgres(error)?.reason : undefined;
        if (lost === 'hung') silent += 1;
        if (lost === 'unreachable' || (lost === 'hung' && silent === 1)) continue;
        throw signal?.aborted ? signal.reason : error;
      }
    }
  }
}

/** Whether a connection was idle for so long that much may have happened to it: a single statement then asks first. */
function isRested(returnedMs: number | undefined): boolean {
  return returnedMs !== undefined && performance.now() - returnedMs > RESTED_AFTER_MS;
}

interface Borrowed {
  client: HardClient;
  release: () => Promise<void>;
}

class Retired extends Error {}

/** Runs `work` on a connection that is cut when the signal aborts. */
async function cutBy<T>(
  signal: AbortSignal | undefined,
  client: HardClient,
  work: () => Promise<T>,
): Promise<T> {
  const onAbort = () => client.destroy(signal!.reason as Error);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await work();
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

function newSource(connection: PgConnection, options: PoolOptions, onConnect: () => void): DataSource {
  const { statementTimeoutMs, acquireTimeoutMs, session } = options;
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
      min: options.min,
      max: options.max,
      connectionTimeoutMillis: acquireTimeoutMs,
      // The server gives up before we do: a slow statement then ends cleanly and the connection lives on.
      ...(statementTimeoutMs > 0 && { query_timeout: statementTimeoutMs + 1_000 }),
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      idleTimeoutMillis: options.idleTimeoutMs,
      maxLifetimeSeconds: options.recycleS,
      // By a statement and not in the startup message, where a pooler (pgbouncer) refuses what it does not know.
      onConnect: (client: HardClient) => {
        onConnect();
        return set(client, session, acquireTimeoutMs);
      },
    },
  });
}

async function set(client: HardClient, session: Record<string, string>, timeoutMs: number): Promise<void> {
  const names = Object.keys(session);
  const text = `select ${names.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, false)`).join(', ')}`;
  await client.query({
    text,
    values: names.flatMap((name) => [name, session[name]!]),
    query_timeout: timeoutMs,
  } as pg.QueryConfig);
}
