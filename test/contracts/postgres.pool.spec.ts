import { jest } from '@jest/globals';
import pg from 'pg';
import { ExitCode } from '../../src/kernel/exit-code.js';
import { PgPool } from '../../src/platform/database/pg.pool.js';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { type PostgresSettings, servicePool } from '../../src/platform/database/postgres.pool.js';
import { TooManyConnections } from '../../src/platform/database/postgres.requirements.js';
import { CommitCutter } from '../support/commit-cutter.js';
import { eventuallyHolds } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer, signal } from '../support/postgres.js';
import { reasonOf } from './database.suite.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

const settings: PostgresSettings = {
  DB_POOL_SIZE: 4,
  DB_POOL_MAX_OVERFLOW: 2,
  DB_STATEMENT_TIMEOUT_MS: 30_000,
};
const soon = () => AbortSignal.timeout(20_000);

describeWithPostgres('The pool of connections', () => {
  let server: PostgresServer;
  let url: string;
  let db: PostgresDatabase;

  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.newDatabase();
    db = new PostgresDatabase(settings, url);
    await db.open(soon());
    await db.administer('make a table', (tx) => tx.query('create table written (n int)'));
  });
  afterEach(() => db.close());

  const write = (n: number, database = db) =>
    database.transaction('write', (tx) => tx.query('insert into written values ($1)', [n]));
  const pids = async () => {
    const all = await Promise.all(
      Array.from({ length: 4 }, () =>
        db.transaction('look', async (tx) => {
          await tx.query('select pg_sleep(0.05)');
          return (await tx.query<{ pid: number }>('select pg_backend_pid() as pid'))[0]!.pid;
        }),
      ),
    );
    expect(new Set(all).size).toBe(4);
    return all;
  };

  it('keeps its size, and closes what it opened above it once that has been idle', async () => {
    const pool = await PgPool.open({ url }, { ...servicePool(settings), idleTimeoutMs: 200 });
    const gate = Promise.withResolvers<void>();
    const holders = Array.from({ length: 6 }, () => pool.lend(undefined, () => gate.promise));
    await eventuallyHolds(() => expect(pool.status).toMatchObject({ size: 6, inUse: 6, idle: 0 }));
    gate.resolve();
    await Promise.all(holders);
    await eventuallyHolds(() => expect(pool.status).toMatchObject({ size: 4, inUse: 0, idle: 4 }));
    expect(pool.status.acquireP95Ms).toBeGreaterThan(0);
    await pool.close();
  });

  it('fails nobody when the connections that are idle were ended, whatever they are then wanted for', async () => {
    for (let round = 0; round < 5; round += 1) {
      const idle = await pids();
      // Held up meanwhile, this process learns of it only when it has sent the first statement.
      server.now(`select pg_terminate_backend(pid, 5000) from unnest(array[${idle.join(',')}]) pid`);
      await Promise.all(Array.from({ length: 8 }, (_, i) => write(8 * round + i)));
    }
    const [kept] = await db.query<{ n: number }>('count', 'select count(*)::int as n from written');
    expect(kept).toEqual({ n: 40 });
  });

  it('passes over an idle connection that has fallen silent, in little more than the time of a new one', async () => {
    // The one that is lent next.
    const [last] = await db.query<{ pid: number }>('look', 'select pg_backend_pid() as pid');
    signal(last!.pid, 'SIGSTOP');
    const startedMs = performance.now();
    await write(1);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    signal(last!.pid, 'SIGCONT');
    expect(await db.query('read', 'select n from written')).toEqual([{ n: 1 }]);
  });

  it('is refused where all replicas together would open more connections than there are, with the arithmetic', async () => {
    const many = (more: Partial<PostgresSettings>) =>
      new PostgresDatabase({ ...settings, DB_POOL_SIZE: 20, DB_POOL_MAX_OVERFLOW: 10, ...more }, url);
    const failure = await many({ REPLICAS: 2 })
      .open(soon())
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TooManyConnections);
    expect(failure).toMatchObject({ exitCode: ExitCode.capacity });
    expect((failure as Error).message).toMatch(
      /2 replicas \(REPLICAS\) × 34 .* \+ 3 .* = 71, and there are 57 \(max_connections 60 of the server, less 3/,
    );
    const told = await many({ DB_CONNECTIONS_MAX: 31 })
      .open(soon())
      .catch((error: Error) => error.message);
    expect(told).toMatch(/1 replicas .* = 34, and there are 31 \(DB_CONNECTIONS_MAX\)/);
    const pooled = many({ REPLICAS: 2, DB_CONNECTIONS_MAX: 68 });
    await pooled.open(soon());
    await pooled.close();
  });

  it('says that connections are wanting when the server has none left, and has them when it has', async () => {
    const others: pg.Client[] = [];
    const refused = Promise.withResolvers<void>();
    const take = async () => {
      const client = new pg.Client({ connectionString: server.url });
      client.on('error', () => {});
      await client.connect().then(
        () => others.push(client),
        () => refused.resolve(),
      );
    };
    await Promise.all(Array.from({ length: 61 }, take));
    await refused.promise;
    const late = Array.from({ length: 4 }, () =>
      db.transaction('hold', (tx) => tx.query('select pg_sleep(0.2)')),
    );
    const ends = await Promise.allSettled(late);
    const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [reasonOf(end.reason)] : []));
    expect(reasons.length).toBeGreaterThan(0);
    expect(new Set(reasons)).toEqual(new Set(['pool_exhausted']));
    await Promise.all(others.map((client) => client.end()));
    await eventuallyHolds(() => write(1));
  });

  it('lets nobody wait long behind a lock that is not let go, and is itself again when it is', async () => {
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    await holder.query('begin; lock table written in access exclusive mode');
    const waiting = Array.from({ length: 6 }, (_, n) => write(n).catch(reasonOf));
    await eventuallyHolds(() => expect(db.pool().inUse).toBe(6));
    expect(await db.query('read', 'select 1').catch(reasonOf)).toBe('pool_exhausted');
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 6 }, () => 'overloaded'));
    await holder.end();
    await write(7);
    expect(await db.query('read', 'select n from written')).toEqual([{ n: 7 }]);
  });
});

describeWithPostgres('A failover to a standby', () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  let name: CommitCutter;
  let url: string;
  let db: PostgresDatabase;

  beforeAll(async () => {
    primary = await PostgresServer.start();
    url = await primary.newDatabase();
    standby = await primary.standby();
    name = await CommitCutter.before(primary.port);
    db = new PostgresDatabase(settings, name.through(url));
    await db.open(soon());
  });
  afterAll(async () => {
    await db?.close();
    await name?.close();
    await standby?.stop();
    await primary.stop();
  });

  it('is told at the start that a standby cannot be written to', async () => {
    const on = new PostgresDatabase(settings, url.replace(`:${primary.port}/`, `:${standby.port}/`));
    const failure = await on.open(soon()).catch((error: unknown) => error);
    expect(reasonOf(failure)).toBe('read_only');
    expect((failure as Error).message).toMatch(/DATABASE_URL is a standby, which follows another server/);
  });

  it('costs one call, after which all connections are to the new primary, and nothing is opened anew', async () => {
    await db.administer('make a table', (tx) => tx.query('create table written (n int)'));
    const port = async () =>
      (await db.query<{ port: number }>('look', 'select inet_server_port() as port, pg_sleep(0.05)'))[0]!
        .port;
    const ports = () => Promise.all(Array.from({ length: 4 }, port));
    expect(new Set(await ports())).toEqual(new Set([primary.port]));

    await standby.promote();
    name.moveTo(standby.port);
    await primary.set('default_transaction_read_only', 'on');
    // Nobody has told our connections: they are still to the old one.
    expect(await port()).toBe(primary.port);
    const write = () => db.transaction('write', (tx) => tx.query('insert into written values (1)'));
    expect(await write().catch(reasonOf)).toBe('read_only');
    await write();
    expect(new Set(await ports())).toEqual(new Set([standby.port]));
  });

  it('is noticed by a check as well, before anybody writes', async () => {
    await db.check(soon());
    name.moveTo(primary.port);
    await standby.set('default_transaction_read_only', 'on');
    await primary.set('default_transaction_read_only', 'off');
    expect(await db.check(soon()).catch(reasonOf)).toBe('read_only');
    await eventuallyHolds(() => db.check(soon()));
    await eventuallyHolds(async () => {
      const where = await db.query('look', 'select inet_server_port() as port');
      expect(where).toEqual([{ port: primary.port }]);
    });
  });
});
