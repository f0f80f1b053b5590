import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DataSource } from 'typeorm';
import { ExitCode } from '../../kernel/exit-code.js';
import type { Settings } from '../../config/settings.js';
import type { Traits } from '../../resilience/dependency.js';
import { DataFolderLock } from './data-folder.lock.js';
import { type PgConnection, PgDatabase } from './pg.database.js';
import { PgliteEngine } from './pglite.engine.js';

// A check may not take so long, and its caller gives up on it: the start goes on, and the next check finds it done.
const RESTART_TIMEOUT_MS = 30_000;

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

  constructor(settings: Pick<Settings, 'DATA_DIR' | 'DB_STATEMENT_TIMEOUT_MS'>) {
    super({
      // Two connections to this engine are one session: they would see each other's transactions.
      poolMax: 1,
      // Everybody waits for the one connection, and a query inside `transaction` that does not go through it would wait for
      // ever.
      acquireTimeoutMs: 5_000,
      // The engine itself cannot be interrupted: this bounds what the caller waits.
      statementTimeoutMs: settings.DB_STATEMENT_TIMEOUT_MS,
    });
    this.#folder = resolve(settings.DATA_DIR);
  }

  /** Tells a second process that finds the folder taken where this one serves. */
  async serving(url: string): Promise<void> {
    await this.#lock?.publish(url);
  }

  /** Starts the engine anew if its thread has ended. */
  override async check(signal: AbortSignal): Promise<void> {
    if (this.#engine?.running === false) await this.start(AbortSignal.timeout(RESTART_TIMEOUT_MS));
    await super.check(signal);
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

  protected async connect(signal: AbortSignal): Promise<PgConnection> {
    try {
      await mkdir(this.#folder, { recursive: true });
      this.#lock ??= await DataFolderLock.acquire(this.#folder);
      this.#socketFolder ??= await mkdtemp(join(tmpdir(), 'mainstay-'));
      if (this.#engine?.running !== true) await this.start(signal);
    } catch (error) {
      await this.close();
      throw isSystemError(error) ? new DataFolderUnusable(this.#folder, error) : error;
    }
    return { host: this.#socketFolder, port: 5432, username: 'postgres', database: 'postgres' };
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
  protected async migrate(source: DataSource): Promise<void> {
    await source.runMigrations();
  }

  protected override recycling(): object {
    return {};
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
