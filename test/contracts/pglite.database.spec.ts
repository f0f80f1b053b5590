import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { jest } from '@jest/globals';
import { ExitCode } from '../../src/kernel/exit-code.js';
import { DataFolderInUse } from '../../src/platform/database/data-folder.lock.js';
import { PgliteDatabase } from '../../src/platform/database/pglite.database.js';
import { DataFolderDamaged, PgliteEngine } from '../../src/platform/database/pglite.engine.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { reasonOf } from './database.suite.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

// What only the embedded engine does: it lives in a folder and a thread of ours, and has one connection.

const settings = (folder: string) => ({ DATA_DIR: folder, DB_STATEMENT_TIMEOUT_MS: 30_000 });
const soon = () => AbortSignal.timeout(30_000);

describe('PgliteDatabase', () => {
  let home: TemporaryFolder;
  const opened: PgliteDatabase[] = [];
  const open = async (folder: string) => {
    const db = new PgliteDatabase(settings(folder));
    opened.push(db);
    await db.open(soon());
    return db;
  };

  beforeEach(async () => {
    home = await temporaryFolder();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((db) => db.close()));
    await home.remove();
  });

  it('turns a query that waits for its own transaction into an error, and goes on', async () => {
    const db = await open(home.path);
    const startedMs = performance.now();
    const error = await db
      .transaction('wait', () => db.query('read', 'select 1'))
      .catch((failure: unknown) => failure);
    expect(reasonOf(error)).toBe('pool_exhausted');
    expect(performance.now() - startedMs).toBeLessThan(8_000);
    expect(await db.query('read', 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('is refused a folder that is open already, and told who has it and where he serves', async () => {
    const first = await open(home.path);
    await first.serving('http://127.0.0.1:8123');
    const refusal = await new PgliteDatabase(settings(home.path))
      .open(soon())
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DataFolderInUse);
    expect(refusal).toMatchObject({ exitCode: ExitCode.dataFolder });
    expect((refusal as Error).message).toContain(
      `process ${process.pid}, which serves http://127.0.0.1:8123`,
    );
    expect(await first.query('read', 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('gives its folder free when it closes, and leaves no socket behind', async () => {
    const first = await open(home.path);
    await first.close();
    expect(await readdir(home.path)).toEqual(['pglite']);
    await expect(open(home.path)).resolves.toBeDefined();
  });

  it('starts afresh over what a start that was killed half-way left', async () => {
    await mkdir(join(home.path, 'pglite.new', 'pg_wal'), { recursive: true });
    await writeFile(join(home.path, 'pglite.new', 'pg_wal', 'half'), 'of a segment');
    const db = await open(home.path);
    expect(await db.query('read', 'select 1 as n')).toEqual([{ n: 1 }]);
    expect(existsSync(join(home.path, 'pglite.new'))).toBe(false);
    expect(existsSync(join(home.path, 'pglite', 'pg_wal', 'half'))).toBe(false);
  });

  it('takes an empty folder for a new one', async () => {
    await mkdir(join(home.path, 'pglite'));
    const db = await open(home.path);
    expect(await db.query('read', 'select count(*)::int as n from documents')).toEqual([{ n: 0 }]);
  });

  describe('on a folder that is damaged', () => {
    let whole: TemporaryFolder;
    beforeAll(async () => {
      whole = await temporaryFolder();
      const db = new PgliteDatabase(settings(whole.path));
      await db.open(soon());
      await db.administer('write', (tx) =>
        tx.query('create table kept (n int); insert into kept values (1)'),
      );
      await db.close();
    });
    afterAll(() => whole.remove());

    it.each<[string, (cluster: string) => Promise<void>]>([
      ['has an empty global/pg_control', (cluster) => truncate(join(cluster, 'global/pg_control'), 0)],
      ['has a garbled global/pg_control', (cluster) => garble(join(cluster, 'global/pg_control'))],
      ['has a garbled PG_VERSION', (cluster) => garble(join(cluster, 'PG_VERSION'))],
      ['has no PG_VERSION', (cluster) => rm(join(cluster, 'PG_VERSION'))],
      ['has a garbled write-ahead log', (cluster) => garbleAll(join(cluster, 'pg_wal'))],
      ['has garbled tables', (cluster) => garbleAll(join(cluster, 'base/5'))],
      [
        'holds other things',
        async (cluster) => {
          await rm(cluster, { recursive: true });
          await mkdir(cluster);
          await writeFile(join(cluster, 'holiday.txt'), 'sun');
        },
      ],
    ])('says so, with a remedy, when it %s, and touches nothing', async (_what, damage) => {
      const cluster = join(home.path, 'pglite');
      await cp(join(whole.path, 'pglite'), cluster, { recursive: true });
      await damage(cluster);
      const before = await sizes(cluster);
      const failure = await open(home.path).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DataFolderDamaged);
      expect(failure).toMatchObject({ exitCode: ExitCode.dataFolder });
      expect((failure as Error).message).toContain(cluster);
      expect((failure as Error).message).toMatch(/Restore the folder from a backup, or move it away/);
      // The next start may have another folder, or this one mended: nothing stands in its way.
      expect(await readdir(home.path)).toEqual(['pglite']);
      const after = await sizes(cluster);
      for (const [file, size] of Object.entries(before)) expect([file, after[file]]).toEqual([file, size]);
    });
  });

  describe('whose thread ends', () => {
    let db: PgliteDatabase;
    let starts: ReturnType<typeof watchStarts>;

    beforeEach(async () => {
      starts = watchStarts();
      db = await open(home.path);
      await db.administer('write', (tx) =>
        tx.query('create table kept (n int); insert into kept values (1)'),
      );
    });
    afterEach(() => starts.mockRestore());

    it('says that it is away, and is back with all that was kept after its next check', async () => {
      await (await workerOf(starts)).terminate();
      const error = await db.query('read', 'select 1').catch((failure: unknown) => failure);
      expect(reasonOf(error)).toBe('unreachable');
      await db.check(soon());
      expect(await db.query('read', 'select n from kept')).toEqual([{ n: 1 }]);
    });

    it('is started once, however many checks find it ended at the same time', async () => {
      await (await workerOf(starts)).terminate();
      await Promise.all([db.check(soon()), db.check(soon()), db.check(soon())]);
      expect(starts).toHaveBeenCalledTimes(2);
      expect(await db.query('read', 'select n from kept')).toEqual([{ n: 1 }]);
    });

    it('is back even if the check that started it did not wait for it', async () => {
      await (await workerOf(starts)).terminate();
      void db.check(AbortSignal.timeout(1)).catch(() => {});
      await eventually(() => db.check(AbortSignal.timeout(100)).then(() => true), { timeoutMs: 20_000 });
      expect(starts).toHaveBeenCalledTimes(2);
    });

    it('does not take the process with it', async () => {
      // An error that nobody listens for ends the process that the thread belongs to.
      expect((await workerOf(starts)).listenerCount('error')).toBeGreaterThan(0);
    });

    it('closes at once', async () => {
      await (await workerOf(starts)).terminate();
      const startedMs = performance.now();
      await db.close();
      expect(performance.now() - startedMs).toBeLessThan(2_000);
    });
  });
});

const watchStarts = () => jest.spyOn(PgliteEngine, 'start');

/** The thread of the engine that was started last. */
async function workerOf(starts: ReturnType<typeof watchStarts>): Promise<Worker> {
  const engine = await (starts.mock.results.at(-1)!.value as Promise<PgliteEngine>);
  return engine['worker'];
}

async function garble(file: string): Promise<void> {
  await writeFile(file, randomBytes((await stat(file)).size));
}

async function garbleAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile()) await garble(join(folder, entry.name));
  }
}

async function sizes(folder: string): Promise<Record<string, number>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const entries = files
    // A cache, which the engine makes anew at each start.
    .filter((file) => file.isFile() && file.name !== 'pg_internal.init')
    .map(
      async (file) =>
        [join(file.parentPath, file.name), (await stat(join(file.parentPath, file.name))).size] as const,
    );
  return Object.fromEntries(await Promise.all(entries));
}
