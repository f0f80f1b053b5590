import type { DataSource } from 'typeorm';
import type { Settings } from '../../config/settings.js';
import { ExitCode } from '../../kernel/exit-code.js';
import { sleep } from '../../kernel/abort.js';
import type { Traits } from '../../resilience/dependency.js';
import { HardClient } from './hard.client.js';
import { type PgConnection, PgDatabase } from './pg.database.js';

// Any number will do, as long as every replica takes the same: "mainstay" on a telephone keypad.
const MIGRATION_LOCK = 62_467_829;
const ASK_FOR_LOCK_EVERY_MS = 100;

/** The database keeps text in an encoding that has not every character. */
export class WrongEncoding extends Error {
  readonly exitCode = ExitCode.schema;

  constructor(encoding: string) {
    super(
      `The database keeps text as ${encoding}, which cannot hold every character. ` +
        `Make one that keeps it as UTF8: create database … encoding 'UTF8' template template0`,
    );
    this.name = 'WrongEncoding';
  }
}

/** A PostgreSQL server. */
export class PostgresDatabase extends PgDatabase {
  readonly adapter = 'postgres';
  readonly traits: Traits = { durable: true, shared: true };
  readonly #url: string;

  constructor(
    settings: Pick<Settings, 'DB_POOL_SIZE' | 'DB_POOL_MAX_OVERFLOW' | 'DB_STATEMENT_TIMEOUT_MS'>,
    url: string,
  ) {
    super({
      poolMax: settings.DB_POOL_SIZE + settings.DB_POOL_MAX_OVERFLOW,
      acquireTimeoutMs: 500,
      statementTimeoutMs: settings.DB_STATEMENT_TIMEOUT_MS,
    });
    this.#url = url;
  }

  protected connect(): Promise<PgConnection> {
    return Promise.resolve({ url: this.#url });
  }

  /** Nothing: a server has room for many. */
  async serving(): Promise<void> {}

  /**
   * Under an advisory lock, which the server frees when its connection ends however it ends: of several replicas that
   * start at once one migrates and the others wait, then find nothing left to do. TypeORM itself takes no lock
   * (typeorm/typeorm#4588).
   */
  protected async migrate(source: DataSource, signal: AbortSignal): Promise<void> {
    const [row] = await source.query<{ server_encoding: string }[]>('show server_encoding');
    if (row!.server_encoding !== 'UTF8') throw new WrongEncoding(row!.server_encoding);
    const lock = new HardClient({
      connectionString: this.#url,
      application_name: 'mainstay migrations',
      connectionTimeoutMillis: this.options.acquireTimeoutMs,
      query_timeout: this.options.statementTimeoutMs,
    });
    lock.on('error', () => {}); // reported by the query that was waiting
    await lock.connect();
    try {
      await this.take(lock, signal);
      await this.runMigrations();
    } finally {
      await lock.end();
    }
  }

  /** Asks again and again instead of waiting in the server: a server that hangs meanwhile would never be found out. */
  private async take(lock: HardClient, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { rows } = await lock.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
        MIGRATION_LOCK,
      ]);
      if (rows[0]!.taken) return;
      await sleep(ASK_FOR_LOCK_EVERY_MS, signal).catch((cause: unknown) => {
        const message = 'Another process migrates the database, and was not done in time';
        throw Object.assign(new Error(message, { cause }), { code: '55P03' });
      });
    }
  }

  /** On a connection of its own, without a time limit: building an index may take as long as it takes. */
  private async runMigrations(): Promise<void> {
    const source: DataSource = this.newSource({ url: this.#url }, 1, 0);
    await source.initialize();
    try {
      await source.runMigrations();
    } finally {
      await source.destroy();
    }
  }
}
