import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { sleep } from '../../src/kernel/abort.js';
import { GuardedDatabase } from '../../src/platform/database/guarded.database.js';
import { PgliteDatabase } from '../../src/platform/database/pglite.database.js';
import { classifyPostgres } from '../../src/platform/database/postgres.faults.js';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { PgBossJobs } from '../../src/platform/jobs/pg-boss.jobs.js';
import { eventually } from '../support/eventually.js';
import { newDependency } from '../support/guard.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer, UNHURRIED } from '../support/postgres.js';
import { jobsContract } from './jobs.suite.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

Logger.overrideLogger(false);

// As the service has it: the queue goes through the guard of the database, and has none of its own.
const guarded = (database: PgliteDatabase | PostgresDatabase) =>
  new GuardedDatabase(database, newDependency(database, classifyPostgres));

describe('on the embedded engine', () => {
  let folder: TemporaryFolder;
  let pglite: PgliteDatabase;
  const newPglite = () => new PgliteDatabase({ DATA_DIR: folder.path, DB_STATEMENT_TIMEOUT_MS: 30_000 });

  beforeAll(async () => {
    folder = await temporaryFolder();
    pglite = newPglite();
    await pglite.open(AbortSignal.timeout(30_000));
  });
  afterAll(async () => {
    await pglite.close();
    await folder.remove();
  });

  jobsContract('pg-boss on pglite', () => {
    const database = guarded(pglite);
    return { database, newJobs: () => new PgBossJobs(database) };
  });

  it('does again at its next start what ran when the process died', async () => {
    const dying = new PgBossJobs(pglite);
    await dying.open(['orphaned']);
    const begun = Promise.withResolvers<void>();
    await dying.work('orphaned', 1, async () => {
      begun.resolve();
      await new Promise(() => {});
    });
    const id = await pglite.transaction('enqueue', (tx) =>
      dying.enqueue(tx, 'orphaned', { business_id: 'acme' }),
    );
    dying.wake('orphaned');
    await begun.promise;
    await pglite.close();

    const reborn = newPglite();
    await reborn.open(AbortSignal.timeout(30_000));
    const jobs = new PgBossJobs(reborn);
    await jobs.open(['orphaned']);
    expect(await jobs.find('acme', id)).toMatchObject({
      status: 'retrying',
      last_error: 'The process that did it ended',
    });
    let attempt = 0;
    await jobs.work('orphaned', 1, async (job) => void (attempt = job.attempt));
    await eventually(async () => (await jobs.find('acme', id))?.status === 'completed', {
      timeoutMs: 10_000,
    });
    expect(attempt).toBe(2);
    await jobs.close();
    await reborn.close();
    await dying.close();
  });
});

describeWithPostgres('on a PostgreSQL server', () => {
  let server: PostgresServer;
  let url: string;
  let postgres: PostgresDatabase;
  const newPostgres = () =>
    new PostgresDatabase({ DB_POOL_SIZE: 4, DB_POOL_MAX_OVERFLOW: 2, ...UNHURRIED }, url);

  beforeAll(async () => {
    server = await PostgresServer.start();
    url = await server.newDatabase();
    postgres = newPostgres();
    await postgres.open(AbortSignal.timeout(30_000));
  });
  afterAll(async () => {
    await postgres.close();
    await server.stop();
  });

  jobsContract('pg-boss on postgres', () => {
    const database = guarded(postgres);
    return { database, newJobs: () => new PgBossJobs(database) };
  });

  it('does elsewhere, within half a minute, what ran in a process that died', async () => {
    const lost = newPostgres();
    await lost.open(AbortSignal.timeout(10_000));
    const dying = new PgBossJobs(lost);
    await dying.open(['orphaned']);
    const begun = Promise.withResolvers<void>();
    await dying.work('orphaned', 1, async () => {
      begun.resolve();
      await new Promise(() => {});
    });
    const id = await lost.transaction('enqueue', (tx) =>
      dying.enqueue(tx, 'orphaned', { business_id: 'acme' }),
    );
    dying.wake('orphaned');
    await begun.promise;
    // From here on nothing of it reaches the server any more, no sign of life and no farewell.
    await lost.close();
    const startedMs = performance.now();

    const jobs = new PgBossJobs(postgres);
    await jobs.open(['orphaned']);
    let attempt = 0;
    await jobs.work('orphaned', 1, async (job) => void (attempt = job.attempt));
    await eventually(async () => (await jobs.find('acme', id))?.status === 'completed', {
      timeoutMs: 30_000,
      everyMs: 200,
    });
    expect(attempt).toBe(2);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
    await jobs.close();
    await dying.close();
  });

  it('goes on after the server died and came back, loses no job that was committed, and does none again that ended', async () => {
    const mortal = await PostgresServer.start();
    const database = guarded(
      new PostgresDatabase(
        { DB_POOL_SIZE: 4, DB_POOL_MAX_OVERFLOW: 2, ...UNHURRIED },
        await mortal.newDatabase(),
      ),
    );
    await database.open(AbortSignal.timeout(30_000));
    const jobs = new PgBossJobs(database);
    await jobs.open(['mortal']);
    const done = new Map<string, number>();
    const concurrency = 2;
    await jobs.work('mortal', concurrency, async ({ id }) => {
      await sleep(20);
      done.set(id, (done.get(id) ?? 0) + 1);
    });
    const committed: string[] = [];
    const enqueue = async () => {
      const ids = await database.transaction('enqueue', async (tx) => {
        const some: string[] = [];
        for (let i = 0; i < 20; i += 1) some.push(await jobs.enqueue(tx, 'mortal', { business_id: 'acme' }));
        return some;
      });
      committed.push(...ids);
      jobs.wake('mortal');
    };
    await enqueue();
    await eventually(() => done.size >= 5);
    await mortal.kill();
    await expect(enqueue()).rejects.toMatchObject({ reason: 'unreachable' });
    const ended = new Set(done.keys());
    await mortal.restart();
    await enqueue();
    // What was under way is done again when its worker is known to be dead: after ten seconds without a sign of life.
    await eventually(
      async () => {
        const views = await jobs.list('acme', { limit: 100 });
        return views.every(({ status }) => status === 'completed');
      },
      { timeoutMs: 50_000, everyMs: 200 },
    );
    expect([...done.keys()].toSorted()).toEqual(committed.toSorted());
    const again = [...done].filter(([, times]) => times > 1).map(([id]) => id);
    expect(again.length).toBeLessThanOrEqual(concurrency);
    expect(ended.size).toBeGreaterThanOrEqual(5);
    await jobs.close();
    await database.close();
    await mortal.stop();
  }, 90_000);
});
