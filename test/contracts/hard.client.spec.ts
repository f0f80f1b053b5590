import { jest } from '@jest/globals';
import { DataSource, type QueryRunner } from 'typeorm';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer, signal } from '../support/postgres.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

// The worst that was ever measured on this stack: a connection hangs in the middle of a transaction, its query times out,
// and the next request runs inside the old transaction. First with TypeORM and pg as they are, then with our client.

describeWithPostgres('A connection that hangs in the middle of a transaction', () => {
  let server: PostgresServer;
  let url: string;

  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.newDatabase();
    await server.query('create table written (n int)', url);
  });

  const stored = async () =>
    (await server.query<{ n: number }>('select n from written order by n', url)).map(({ n }) => n);

  it('loses acknowledged rows and shows one tenant to another, with TypeORM and pg as they are', async () => {
    const source = new DataSource({ type: 'postgres', url, extra: { max: 1, query_timeout: 300 } });
    await source.initialize();
    await expect(
      inTransaction(source, async (runner) => {
        await runner.query(`select set_config('app.business_id', 'tenant A', true)`);
        await runner.query('insert into written values (1)');
        signal(await pidOf(runner), 'SIGSTOP');
        await runner.query('insert into written values (2)');
      }),
    ).rejects.toThrow(/Query read timeout/);
    for (const { pid } of await backends()) signal(pid, 'SIGCONT');

    const [next] = await source.query(`select current_setting('app.business_id', true) as tenant`);
    expect(next.tenant).toBe('tenant A');
    const acknowledged = await source.query('insert into written values (3) returning n');
    expect(acknowledged).toEqual([{ n: 3 }]);
    await source.destroy();
    expect(await stored()).toEqual([]);
  });

  it('loses nothing and shows nobody anything, with ours', async () => {
    const db = new PostgresDatabase(
      { DB_POOL_SIZE: 1, DB_POOL_MAX_OVERFLOW: 0, DB_STATEMENT_TIMEOUT_MS: 100 },
      url,
    );
    await db.open(AbortSignal.timeout(10_000));
    const cut = db.transaction(
      'write',
      async (tx) => {
        await tx.query('insert into written values (1)');
        const [self] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
        signal(self!.pid, 'SIGSTOP');
        await tx.query('insert into written values (2)');
      },
      { businessId: 'tenant A' },
    );
    await expect(cut).rejects.toThrow(/Query read timeout/);
    // Its connection is gone from the pool at once, not when the server wakes up.
    expect(db.pool()).toMatchObject({ size: 0, inUse: 0, idle: 0, waiting: 0 });

    const tenant = () =>
      db.query(`read`, `select coalesce(current_setting('app.business_id', true), '') as tenant`);
    expect(await tenant()).toEqual([{ tenant: '' }]);
    for (const { pid } of await backends()) signal(pid, 'SIGCONT');
    expect(await tenant()).toEqual([{ tenant: '' }]);
    const acknowledged = await db.transaction('write', (tx) =>
      tx.query('insert into written values (3) returning n'),
    );
    expect(acknowledged).toEqual([{ n: 3 }]);
    await db.close();
    expect(await stored()).toEqual([3]);
  });

  it('takes a connection whose single query got no answer out of the pool at once', async () => {
    const db = new PostgresDatabase(
      { DB_POOL_SIZE: 1, DB_POOL_MAX_OVERFLOW: 0, DB_STATEMENT_TIMEOUT_MS: 100 },
      url,
    );
    await db.open(AbortSignal.timeout(10_000));
    const pid = async () =>
      (await db.query<{ pid: number }>('read', 'select pg_backend_pid() as pid'))[0]!.pid;
    const first = await pid();
    signal(first, 'SIGSTOP');
    await expect(db.query('write', 'insert into written values (1)')).rejects.toThrow(/Query read timeout/);
    expect(db.pool().size).toBe(0);
    expect(await pid()).not.toBe(first);
    signal(first, 'SIGCONT');
    await db.close();
  });

  const backends = () =>
    server.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = '${new URL(url).pathname.slice(1)}'`,
    );

  const pidOf = async (runner: QueryRunner) =>
    (await runner.query('select pg_backend_pid() as pid'))[0].pid as number;

  /** As TypeORM's own documentation has it, and as `DataSource.transaction` does. */
  async function inTransaction(
    source: DataSource,
    work: (runner: QueryRunner) => Promise<void>,
  ): Promise<void> {
    const runner = source.createQueryRunner();
    await runner.startTransaction();
    try {
      await work(runner);
      await runner.commitTransaction();
    } catch (error) {
      await runner.rollbackTransaction().catch(() => {});
      throw error;
    } finally {
      await runner.release();
    }
  }
});
