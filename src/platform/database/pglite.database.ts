import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ExitCode } from '../../kernel/exit-code.js';
import type { Settings } from '../../config/settings.js';
import type { Traits } from '../../resilience/dependency.js';
import { DataFolderLock } from './data-folder.lock.js';
import { DataFolderRoom } from './data-folder.room.js';
import type { QueryOptions, Transaction, WorkOptions } from './database.js';
import { admit, APP_ROLE, makeAppRole } from './app.role.js';
import { MigrationFailed, outcomeOf } from './migrations.js';
import { type Connected, PgDatabase } from './pg.database.js';
import { type PgConnection, PgPool, type PoolOptions } from './pg.pool.js';
import { PgliteEngine } from './pglite.engine.js';

// A check may not take so long, and its caller gives up on it: the start goes on, and the next check finds it done.
const RESTART_TIMEOUT_MS = 30_000;
// Everybody waits for the one connection, and a query inside `transaction` that does not go through it would wait for ever.
const ACQUIRE_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;

/** A statement that nobody waits for any more would keep the one connection for ever. */
export class EngineStuck extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(silentMs: number) {
    super(
      `The embedded database gave no sign of life for ${Math.round(silentMs)} ms: it was ended and is started anew`,
    );
    this.name = 'EngineStuck';
  }
}

/** The data folder cannot be made, read or written. */
export class DataFolderUnusable extends Error {
  readonly exitCode = ExitCode.dataFolder;

  constructor(folder: string, cause: NodeJS.ErrnoException) {
    super(
      `The data folder ${folder} cannot be used (${cause.message}). ` +
        'Set DATA_DIR to a folder that this user may write to, on a disk with room.',
      { cause },
    );
    this.name = 'DataFolderUnusable';
  }
}

/**
 * PostgreSQL embedded in this process: the same SQL, the same migrations, one connection.
 *
 * It survives the death of the process, not a loss of power: the engine never calls fsync.
 */
export class PgliteDatabase extends PgDatabase {
  readonly adapter = 'pglite';
  readonly traits: Traits = { durable: true, shared: false };
  readonly #folder: string;
  #lock: DataFolderLock | undefined;
  #engine: PgliteEngine | undefined;
  #starting: Promise<void> | undefined;
  #socketFolder: string | undefined;
  #administering = 0;
  readonly #room: DataFolderRoom;

  constructor(settings: Pick<Settings, 'DATA_DIR' | 'DB_STATEMENT_TIMEOUT_MS'>) {
    super(settings.DB_STATEMENT_TIMEOUT_MS);
    this.#folder = resolve(settings.DATA_DIR);
    this.#room = new DataFolderRoom(this.#folder);
  }

  /** Tells a second process that finds the folder taken where this one serves. */
  async serving(url: string): Promise<void> {
    await this.#lock?.publish(url);
  }

  // What may be a write, and is not known to be a read, is refused while the disk is nearly full.

  override async transaction<T>(
    operation: string,
    work: (tx: Transaction) => Promise<T>,
    options: WorkOptions = {},
  ): Promise<T> {
    if (options.idempotent !== true) await this.#room.assertEnough();
    return super.transaction(operation, work, options);
  }

  override async query<Row>(
    operation: string,
    sql: string,
    parameters: unknown[] = [],
    options: QueryOptions = {},
  ): Promise<Row[]> {
    if (options.idempotent !== true) await this.#room.assertEnough();
    return super.query(operation, sql, parameters, options);
  }

  override async administer<T>(
    operation: string,
    work: (tx: Transaction) => Promise<T>,
    options: QueryOptions = {},
  ): Promise<T> {
    await this.#room.assertEnough();
    this.#administering += 1;
    try {
      return await super.administer(operation, work, options);
    } finally {
      this.#administering -= 1;
    }
  }

  /** Starts the engine anew if its thread has ended. @throws EngineStuck, DataFolderFull */
  override async check(signal: AbortSignal): Promise<void> {
    if (this.#engine?.running === false) await this.start(AbortSignal.timeout(RESTART_TIMEOUT_MS));
    await this.endIfStuck();
    await super.check(signal);
    await this.#room.assertEnough();
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#starting?.catch(() => {}); // reported to whoever asked for it
    await this.#engine?.stop();
    this.#engine = undefined;
    if (this.#socketFolder !== undefined) await rm(this.#socketFolder, { recursive: true, force: true });
    this.#socketFolder = undefined;
    await this.#lock?.release();
    this.#lock = undefined;
  }

  /** @throws DataFolderUnusable, DataFolderFull, DataFolderDamaged; Error when another process has the folder */
  async reach(signal: AbortSignal): Promise<void> {
    await this.cleaningUp(async () => {
      await mkdir(this.#folder, { recursive: true });
      this.#lock ??= await DataFolderLock.acquire(this.#folder);
      await this.#room.assertEnough();
      this.#socketFolder ??= await mkdtemp(join(tmpdir(), 'mainstay-'));
      if (this.#engine?.running !== true) await this.start(signal);
    });
  }

  protected async connect(signal: AbortSignal): Promise<Connected> {
    await this.reach(signal);
    return this.cleaningUp(async () => {
      const at = { host: this.#socketFolder!, port: 5432, username: 'postgres', database: 'postgres' };
      const schema = await this.migrate(at);
      return { pool: await PgPool.open(at, this.poolAs(APP_ROLE)), schema };
    });
  }

  private async cleaningUp<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.close();
      throw isSystemError(error) ? new DataFolderUnusable(this.#folder, error) : error;
    }
  }

  /** There is one connection, and its first role is the owner's. */
  protected owners(): Promise<PgPool> {
    return Promise.resolve(this.opened);
  }

  /**
   * The engine cannot be interrupted, but its thread can be ended. Twice the longest that a statement may take, nobody waits
   * for what it does, unless that is the building of an index, which takes as long as it takes.
   */
  private async endIfStuck(): Promise<void> {
    const silentMs = this.#engine?.silentMs() ?? 0;
    if (this.#administering > 0 || silentMs < 2 * this.statementTimeoutMs) return;
    await this.#engine!.end();
    throw new EngineStuck(silentMs);
  }

  /** One start at a time, whoever asks for it and however many do: two engines on one folder corrupt it. */
  private start(signal: AbortSignal): Promise<void> {
    this.#starting ??= PgliteEngine.start(join(this.#folder, 'pglite'), this.#socketFolder!, signal)
      .then((engine) => {
        this.#engine = engine;
      })
      .finally(() => {
        this.#starting = undefined;
      });
    return this.#starting;
  }

  /** No other process can be at it: the folder's lock sees to that. */
  private async migrate(at: PgConnection): Promise<string> {
    // Connections to this engine are one session, which goes on to have the role that the last one took.
    const owner = await PgPool.open(at, { ...this.poolAs('none'), statementTimeoutMs: 0 });
    try {
      const done = await owner.source.runMigrations().catch((error: unknown) => {
        throw new MigrationFailed(error);
      });
      await owner.lend(undefined, async (client) => {
        const ask = { query: async (sql: string) => (await client.query(sql)).rows };
        await makeAppRole(ask);
        await admit(ask, APP_ROLE);
      });
      return outcomeOf(done);
    } finally {
      await owner.close();
    }
  }

  private poolAs(role: string): PoolOptions {
    return {
      // Two connections to this engine are one session: they would see each other's transactions.
      min: 0,
      max: 1,
      acquireTimeoutMs: ACQUIRE_TIMEOUT_MS,
      // The engine itself cannot be interrupted: this bounds what the caller waits.
      statementTimeoutMs: this.statementTimeoutMs,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      recycleS: 0,
      session: { role },
    };
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
