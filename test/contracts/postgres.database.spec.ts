import { jest } from '@jest/globals';
import pg from 'pg';
import { ExitCode } from '../../src/kernel/exit-code.js';
import { migrations } from '../../src/platform/database/migrations.js';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { WrongEncoding } from '../../src/platform/database/postgres.requirements.js';
import { eventuallyHolds } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { reasonOf } from './database.suite.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

// What only a server can do, and what only a server can suffer.

// The driver gives up a second after the server should have.
const STATEMENT_TIMEOUT_MS = 200;

describeWithPostgres('PostgresDatabase', () => {
  let server: PostgresServer;
  let url: string;
  let db: PostgresDatabase;
  const settings = {
    DB_POOL_SIZE: 2,
    DB_POOL_MAX_OVERFLOW: 1,
    DB_STATEMENT_TIMEOUT_MS: STATEMENT_TIMEOUT_MS,
  };

  const pidOf = async () =>
    (await db.query<{ pid: number }>('read', 'select pg_backend_pid() as pid'))[0]!.pid;

  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.newDatabase();
    db = new PostgresDatabase(settings, url);
    await db.open(AbortSignal.timeout(10_000));
  });
  afterEach(() => db.close());

  it('lets the server end a slow statement, and keeps the connection', async () => {
    const pid = await pidOf();
    const slow = await db.query('sleep', 'select pg_sleep(5)').catch((error: unknown) => error);
    expect(slow).toMatchObject({ code: '57014' });
    expect(reasonOf(slow)).toBe('timeout');
    const slowInside = db.transaction('sleep', (tx) => tx.query('select pg_sleep(5)'));
    await expect(slowInside).rejects.toMatchObject({ code: '57014' });
    expect(await pidOf()).toBe(pid);
  });

  it('refuses a database that cannot keep every character, and says how to make one that can', async () => {
    await server.query(`create database latin encoding 'LATIN1' locale 'C' template template0`);
    const latin = new PostgresDatabase(settings, server.url.replace(/postgres$/, 'latin'));
    await expect(latin.open(AbortSignal.timeout(10_000))).rejects.toThrow(/as LATIN1.*encoding 'UTF8'/);
    await latin.close();
  });

  it('migrates an empty database once when five replicas open it at once, and all of them succeed', async () => {
    const empty = await server.newDatabase();
    const replicas = Array.from({ length: 5 }, () => new PostgresDatabase(settings, empty));
    await Promise.all(replicas.map((replica) => replica.open(AbortSignal.timeout(20_000))));
    const done = await server.query<{ name: string }>('select name from migrations order by id', empty);
    expect(done.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name));
    const locks = await server.query(`select 1 from pg_locks where locktype = 'advisory'`);
    expect(locks).toEqual([]);
    await Promise.all(replicas.map((replica) => replica.close()));
  });

  it('does not pass its check on a server that is read-only, and lets go of the connections to it', async () => {
    await db.administer('make a table', (tx) => tx.query('create table written (n int)'));
    await server.set('default_transaction_read_only', 'on');
    try {
      const check = await db.check(AbortSignal.timeout(1_000)).catch((error: unknown) => error);
      expect(reasonOf(check)).toBe('read_only');
      const pid = await pidOf();
      const write = await db
        .query('write', 'insert into written values (1)')
        .catch((error: unknown) => error);
      expect(reasonOf(write)).toBe('read_only');
      // Whoever stands behind that name now, it may be somebody else: a connection to the old one would never find out.
      expect(await pidOf()).not.toBe(pid);
    } finally {
      await server.set('default_transaction_read_only', 'off');
    }
    await eventuallyHolds(() => db.check(AbortSignal.timeout(1_000)));
    await expect(db.query('write', 'insert into written values (1)')).resolves.toEqual([]);
  });

  it('tells a server that is gone from one that hangs, and either from a pool that is empty', async () => {
    const gate = Promise.withResolvers<void>();
    const holders = Array.from({ length: 3 }, () => db.transaction('hold', () => gate.promise));
    await eventuallyHolds(() => expect(db.pool().inUse).toBe(3));
    expect(await reasonOfQuery()).toBe('pool_exhausted');
    gate.resolve();
    await Promise.all(holders);

    server.pause();
    try {
      // Those that are open are sent to, and do not answer; then none is left, and a new one does not come about.
      for (let i = 0; i < 3; i += 1) expect(await reasonOfQuery()).toBe('hung');
      expect(db.pool()).toMatchObject({ size: 0, inUse: 0 });
      expect(await reasonOfQuery()).toBe('hung');
    } finally {
      server.resume();
    }
    await eventuallyHolds(async () => expect(await reasonOfQuery()).toBe('none'));

    await server.kill();
    await eventuallyHolds(async () => expect(await reasonOfQuery()).toBe('unreachable'));
    await server.restart();
    expect(await reasonOfQuery()).toBe('none');
  });

  it('loses nothing that it said was kept when the server dies, and serves again without being opened anew', async () => {
    await db.administer('make a table', (tx) => tx.query('create table written (n int)'));
    await db.transaction('write', (tx) => tx.query('insert into written values (1)'));
    const cut = db.transaction('write', async (tx) => {
      await tx.query('insert into written values (2)');
      await server.kill();
      await tx.query('insert into written values (3)');
    });
    await expect(cut).rejects.toThrow();
    await server.restart();
    expect(await db.query('read', 'select n from written')).toEqual([{ n: 1 }]);
  });

  it('gives up opening at once where nothing listens, and where the database is unknown, and says which it was', async () => {
    const open = (at: string) =>
      new PostgresDatabase(settings, at).open(AbortSignal.timeout(5_000)).catch(reasonOf);
    expect(await open(url.replace(/:\d+/, ':1'))).toBe('unreachable');
    expect(await open(url.replace(/[^/]+$/, 'nowhere'))).toBe('unauthorized');
  });

  it('refuses a database that cannot hold every character, and says what to do', async () => {
    await server.query(`create database ascii encoding 'SQL_ASCII' locale 'C' template template0`);
    const failure = await new PostgresDatabase(settings, url.replace(/[^/]+$/, 'ascii'))
      .open(AbortSignal.timeout(5_000))
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WrongEncoding);
    expect(failure).toMatchObject({ exitCode: ExitCode.schema });
    expect((failure as Error).message).toMatch(/SQL_ASCII.*encoding 'UTF8'/);
  });

  it('has the server end a statement soon after the one who waited for it left', async () => {
    const patient = new PostgresDatabase({ ...settings, DB_STATEMENT_TIMEOUT_MS: 60_000 }, url);
    await patient.open(AbortSignal.timeout(5_000));
    const caller = new AbortController();
    const sleeping = patient.query('sleep', 'select pg_sleep(59)', [], { signal: caller.signal });
    const underWay = () => server.query(`select 1 from pg_stat_activity where query = 'select pg_sleep(59)'`);
    await eventuallyHolds(async () => expect(await underWay()).toHaveLength(1));
    caller.abort(new Error('gone'));
    await expect(sleeping).rejects.toThrow('gone');
    await eventuallyHolds(async () => expect(await underWay()).toEqual([]));
    await patient.close();
  });

  it('waits for a replica that migrates, for as long as the start may take and no longer', async () => {
    const empty = await server.newDatabase();
    const other = new pg.Client({ connectionString: empty });
    await other.connect();
    await other.query('select pg_advisory_lock($1)', [62_467_829]);
    const waiting = new PostgresDatabase(settings, empty);
    const failure = await waiting.open(AbortSignal.timeout(300)).catch((error: Error) => error);
    expect(failure).toMatchObject({ message: expect.stringContaining('Another process migrates') as string });
    expect(reasonOf(failure)).toBe('overloaded');
    const opened = waiting.open(AbortSignal.timeout(5_000));
    await other.end();
    await expect(opened).resolves.toMatch(/migrations were run/);
    await waiting.close();
  });

  it('notices that the server hangs while it waits for a replica that migrates', async () => {
    const empty = await server.newDatabase();
    const other = new pg.Client({ connectionString: empty });
    other.on('error', () => {});
    await other.connect();
    await other.query('select pg_advisory_lock($1)', [62_467_829]);
    const opened = new PostgresDatabase(settings, empty).open(AbortSignal.timeout(30_000)).catch(reasonOf);
    await eventuallyHolds(async () =>
      expect(
        await server.query(`select 1 from pg_stat_activity where query like 'select pg_try_advisory_lock%'`),
      ).toHaveLength(1),
    );
    server.pause();
    try {
      expect(await opened).toBe('hung');
    } finally {
      server.resume();
      await other.end();
    }
  });

  const reasonOfQuery = () =>
    db.query('read', 'select 1').then(
      () => 'none',
      (error: unknown) => reasonOf(error) ?? String(error),
    );
});
