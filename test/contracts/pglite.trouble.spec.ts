import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { ExitCode } from '../../src/kernel/exit-code.js';
import { DataFolderFull } from '../../src/platform/database/data-folder.room.js';
import { EngineStuck, PgliteDatabase } from '../../src/platform/database/pglite.database.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { describeNotRun } from '../support/needs.js';
import { reasonOf } from './database.suite.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

const soon = () => AbortSignal.timeout(30_000);
const MB = 1024 * 1024;

let home: TemporaryFolder;
beforeEach(async () => {
  home = await temporaryFolder();
});
afterEach(() => home.remove());

describe('PgliteDatabase, while its engine turns in circles', () => {
  // Half an hour of it, and nothing in the engine can end it.
  const ENDLESS = 'select count(*) from generate_series(1, 10000000000) n where n % 7 = 8';
  let db: PgliteDatabase;

  beforeEach(async () => {
    db = new PgliteDatabase({ DATA_DIR: home.path, DB_STATEMENT_TIMEOUT_MS: 300 });
    await db.open(soon());
    await db.administer('write', (tx) => tx.query('create table kept (n int); insert into kept values (1)'));
  });
  afterEach(() => db.close());

  it('ends it once nobody waits any more, says so, and is back with all that was kept', async () => {
    expect(await db.query('turn', ENDLESS, []).catch(reasonOf)).toBe('hung');
    const checked = () => db.check(AbortSignal.timeout(100)).catch((error: unknown) => error);
    const stuck = await eventually(
      async () => {
        const error = await checked();
        return error instanceof EngineStuck && error;
      },
      { timeoutMs: 20_000 },
    );
    expect(reasonOf(stuck)).toBe('hung');
    await eventuallyHolds(() => db.check(soon()), { timeoutMs: 30_000 });
    expect(await db.query('read', 'select n from kept')).toEqual([{ n: 1 }]);
  });

  it('leaves it alone while it is busy with what may take long, and while it answers', async () => {
    const building = db.administer('build', (tx) => tx.query('select pg_sleep(2)'));
    const checks: Promise<unknown>[] = [];
    const look = setInterval(() => checks.push(db.check(soon())), 100);
    await building;
    clearInterval(look);
    await Promise.all(checks);
    expect(checks.length).toBeGreaterThan(10);
    for (let i = 0; i < 20; i += 1) await db.check(soon());
  });
});

describeOnSmallDisk('PgliteDatabase, on a disk that is nearly full', () => {
  let disk: string;
  let db: PgliteDatabase;
  const filler = () => join(disk, 'filler');
  const leave = async (bytes: number) => {
    const { bavail, bsize } = await statfs(disk);
    await writeFile(filler(), Buffer.alloc(bavail * bsize - bytes));
  };
  const write = () =>
    db.transaction('write', (tx) => tx.query(`insert into kept select 1 from generate_series(1, 1000)`));

  beforeEach(() => {
    disk = join(home.path, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'mainstay-test', disk]);
    db = new PgliteDatabase({ DATA_DIR: disk, DB_STATEMENT_TIMEOUT_MS: 5_000 });
  });
  afterEach(async () => {
    await db.close();
    execFileSync('umount', [disk]);
    rmdirSync(disk);
  });

  it('refuses what may be a write, goes on to read, and writes again when there is room', async () => {
    await db.open(soon());
    await db.administer('make a table', (tx) => tx.query('create table kept (n int)'));
    await write();
    await leave(40 * MB);
    await eventuallyHolds(async () => expect(await write().catch(reasonOf)).toBe('storage_full'));
    expect(await db.check(soon()).catch(reasonOf)).toBe('storage_full');
    const read = await db.query('read', 'select count(*)::int as n from kept', [], { idempotent: true });
    expect((read[0] as { n: number }).n).toBeGreaterThanOrEqual(1_000);
    await rm(filler());
    await eventuallyHolds(write);
    await db.check(soon());
  });

  it('does not start, and says what to do', async () => {
    await leave(40 * MB);
    const failure = await db.open(soon()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DataFolderFull);
    expect(failure).toMatchObject({ exitCode: ExitCode.dataFolder });
    expect((failure as Error).message).toMatch(/has (39|40) MB left, and writing needs 48\. Make room there/);
    await rm(filler());
    await eventuallyHolds(() => db.open(soon()), { timeoutMs: 20_000 });
  });
});

/** A disk of one's own is a matter for root. */
function describeOnSmallDisk(name: string, suite: () => void): void {
  if (process.getuid?.() === 0 && process.platform === 'linux') describe(name, suite);
  else describeNotRun(name, 'it mounts a disk of its own, which root alone may', suite);
}
