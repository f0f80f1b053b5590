import type pg from 'pg';
import { sleep } from '../../kernel/abort.js';
import type { Traits } from '../../resilience/dependency.js';
import { admit, APP_ROLE, assertLesser, makeAppRole } from './app.role.js';
import type { Transaction } from './database.js';
import type { HardClient } from './hard.client.js';
import { MigrationFailed, outcomeOf } from './migrations.js';
import { type Connected, PgDatabase } from './pg.database.js';
import { PgPool } from './pg.pool.js';
import { classifyPostgres } from './postgres.faults.js';
import { checkPool, ownerPool, type PostgresSettings, servicePool } from './postgres.pool.js';
import { assertFits, assertUtf8, assertWritable } from './postgres.requirements.js';

// Any number will do, as long as every replica takes the same: "mainstay" on a telephone keypad.
const MIGRATION_LOCK = 62_467_829;
const ASK_FOR_LOCK_EVERY_MS = 100;

/** A PostgreSQL server. */
export class PostgresDatabase extends PgDatabase {
  readonly adapter = 'postgres';
  readonly traits: Traits = { durable: true, shared: true };
  #owners: Promise<PgPool> | undefined;
  #checks: PgPool | undefined;

  constructor(
    private readonly settings: PostgresSettings,
    private readonly url: string,
  ) {
    super(settings.DB_STATEMENT_TIMEOUT_MS);
  }

  /** Nothing: a server has room for many. */
  async serving(): Promise<void> {}

  override async close(): Promise<void> {
    await super.close();
    const [owners, checks] = [this.#owners, this.#checks];
    this.#checks = undefined;
    this.#owners = undefined;
    await checks?.close();
    await (await owners?.catch(() => undefined))?.close(); // one that did not open was reported to who asked
  }

  /** @throws WrongEncoding, TooManyConnections; Error with the code 25006 on a server that may not be written to */
  async reach(): Promise<void> {
    const owners = await this.owners();
    await owners.lend(undefined, async (client) => {
      const ask = this.asking(client);
      await assertWritable(ask);
      await assertUtf8(ask);
      await assertFits(ask, this.settings);
    });
  }

  protected async connect(signal: AbortSignal): Promise<Connected> {
    try {
      await this.reach();
      const { role, schema } = await this.prepare(await this.owners(), signal);
      const checks = await PgPool.open({ url: this.url }, checkPool(this.settings, role));
      this.#checks = checks;
      const service = await PgPool.open({ url: this.url }, servicePool(this.settings, role));
      // The checks are to find out about the server that the others work with, and about no older one.
      service.onRetire = () => checks.retire();
      return { pool: service, schema };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** A pool of its own: whether the server answers is not the same as whether there is a connection to spare. */
  protected override get checked(): PgPool {
    return this.#checks ?? super.checked;
  }

  protected owners(): Promise<PgPool> {
    this.#owners ??= PgPool.open(
      { url: this.settings.DATABASE_OWNER_URL ?? this.url },
      ownerPool(this.settings),
    ).catch((error: unknown) => {
      this.#owners = undefined;
      throw error;
    });
    return this.#owners;
  }

  /**
   * Under an advisory lock, which the server frees when its connection ends however it ends: of several replicas that
   * start at once one migrates and the others wait, then find nothing left to do. TypeORM itself takes no lock
   * (typeorm/typeorm#4588).
   * @returns `role`: what to act as; undefined where the app's own is the lesser one
   * @throws MigrationFailed, NoAppRole
   */
  private async prepare(
    owners: PgPool,
    signal: AbortSignal,
  ): Promise<{ role: string | undefined; schema: string }> {
    // A migration that has begun is not ended by the signal: it would begin again at the next start.
    return owners.lend(undefined, async (lock) => {
      const ask = this.asking(lock);
      await this.take(ask, signal);
      try {
        const done = await this.migrate(owners);
        return { role: await this.letIn(ask), schema: outcomeOf(done) };
      } finally {
        await lock
          .query('select pg_advisory_unlock($1)', [MIGRATION_LOCK])
          .catch((e: Error) => lock.destroy(e));
      }
    });
  }

  /** A line that broke says nothing of the migration: it is begun again. */
  private async migrate(owners: PgPool): Promise<readonly unknown[]> {
    try {
      return await owners.source.runMigrations();
    } catch (error) {
      const fault = classifyPostgres(error);
      throw fault === undefined || fault.reason === 'schema' ? new MigrationFailed(error) : error;
    }
  }

  private asking(client: HardClient): Transaction {
    const query_timeout = this.settings.DB_STATEMENT_TIMEOUT_MS;
    return {
      query: async (text, values) =>
        (await client.query({ text, values: [...(values ?? [])], query_timeout } as pg.QueryConfig)).rows,
    };
  }

  private async letIn(owner: Transaction): Promise<string | undefined> {
    const own = this.settings.DATABASE_OWNER_URL !== undefined;
    const role = own ? await this.nameOfOwnRole() : APP_ROLE;
    if (!own) await makeAppRole(owner);
    await assertLesser(owner, role);
    await admit(owner, role);
    return own ? undefined : role;
  }

  private async nameOfOwnRole(): Promise<string> {
    const pool = await PgPool.open({ url: this.url }, servicePool(this.settings));
    try {
      return await pool.lend(undefined, async (client) => {
        const { rows } = await client.query<{ role: string }>('select current_user as role');
        return rows[0]!.role;
      });
    } finally {
      await pool.close();
    }
  }

  /** Asks again and again instead of waiting in the server: a server that hangs meanwhile would never be found out. */
  private async take(owner: Transaction, signal: AbortSignal): Promise<void> {
    for (;;) {
      const [row] = await owner.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
        MIGRATION_LOCK,
      ]);
      if (row!.taken) return;
      await sleep(ASK_FOR_LOCK_EVERY_MS, signal).catch((cause: unknown) => {
        const message = 'Another process migrates the database, and was not done in time';
        throw Object.assign(new Error(message, { cause }), { code: '55P03' });
      });
    }
  }
}
