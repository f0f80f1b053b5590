import { Deadline } from '../../src/kernel/deadline.js';
import { Database } from '../../src/platform/database/database.js';
import { boot, type Booted } from '../support/boot.js';
import { aDocument } from '../support/documents.js';
import { eventuallyHolds } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';

const LAG_MAX_MS = 1_000;
// A measurement, and what a busy machine adds to it.
const patience = { timeoutMs: 20_000 };

describeWithPostgres('The service with a read replica', () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  let url: string;
  let service: Booted;
  let db: Database;

  beforeEach(async () => {
    primary = await PostgresServer.start();
    url = await primary.newDatabase();
    await primary.query('create table known (n int); insert into known values (1)', url);
    standby = await primary.standby();
    service = await boot({
      DATABASE_URL: url,
      DATABASE_REPLICA_URL: url.replace(`:${primary.port}/`, `:${standby.port}/`),
      DATABASE_REPLICA_LAG_MAX_MS: String(LAG_MAX_MS),
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    });
    db = service.app.get(Database);
    await eventuallyHolds(async () => expect(await stale()).toBe(standby.port), patience);
  }, 60_000);
  afterEach(async () => {
    await service?.close();
    await standby?.stop();
    await primary?.stop();
  }, 60_000);

  /** @returns the port of the server that answered */
  const ask = async (options: { staleOk?: boolean; idempotent?: boolean }) => {
    const work = () =>
      db.transaction(
        'look',
        async (tx) =>
          (
            await tx.query<{ port: number }>('select inet_server_port() as port, count(*) from documents')
          )[0]!,
        { businessId: 'acme', ...options },
      );
    const deadline = new Deadline(10_000);
    try {
      return (await deadline.run(work)).port;
    } finally {
      deadline.release();
    }
  };
  const stale = () => ask({ staleOk: true, idempotent: true });
  const reasonOf = async () => {
    const { body } = await service.api('GET', '/api/v1/health/readiness');
    expect(body.checks.database.status).toBe('up');
    return body.checks.database_replica;
  };

  it('reads from it what may be stale, and nothing else', async () => {
    await eventuallyHolds(async () => expect(await stale()).toBe(standby.port), patience);
    expect(await ask({})).toBe(primary.port);
    expect(await ask({ idempotent: true })).toBe(primary.port);
    // Not said to be repeatable, so it may be a write.
    expect(await ask({ staleOk: true })).toBe(primary.port);
    const write = db.transaction('write', (tx) => tx.query('delete from documents'), {
      businessId: 'acme',
      staleOk: true,
      idempotent: true,
    });
    // Said to be what it is not, by mistake: the replica refuses it, and the primary does it.
    await expect(write).resolves.toEqual([]);
    const role = await db.transaction('look', (tx) => tx.query('select current_user as role'), {
      staleOk: true,
      idempotent: true,
    });
    expect(role).toEqual([{ role: 'mainstay_app' }]);
    expect(await reasonOf()).toMatchObject({ status: 'up' });
  }, 60_000);

  it('reads from the primary within the same call when it is killed, and from it again when it is back', async () => {
    await standby.kill();
    for (let i = 0; i < 20; i += 1) expect(await stale()).toBe(primary.port);
    await eventuallyHolds(
      async () => expect(await reasonOf()).toMatchObject({ reason: 'unreachable' }),
      patience,
    );
    await standby.restart();
    await eventuallyHolds(async () => expect(await stale()).toBe(standby.port), patience);
    await eventuallyHolds(async () => expect(await reasonOf()).toMatchObject({ status: 'up' }), patience);
  }, 60_000);

  it('loses at most two seconds of a call to one that hangs, and then nothing', async () => {
    standby.pause();
    try {
      const startedMs = performance.now();
      expect(await stale()).toBe(primary.port);
      expect(performance.now() - startedMs).toBeLessThan(5_000);
      // Its lag is not known any more, so it is not even asked.
      await eventuallyHolds(async () => {
        const againMs = performance.now();
        expect(await stale()).toBe(primary.port);
        expect(performance.now() - againMs).toBeLessThan(1_000);
      }, patience);
      await eventuallyHolds(async () => expect((await reasonOf()).status).not.toBe('up'), patience);
    } finally {
      standby.resume();
    }
    await eventuallyHolds(async () => expect(await stale()).toBe(standby.port), patience);
  }, 60_000);

  it('does not read from it while it is too far behind', async () => {
    await standby.query('select pg_wal_replay_pause()');
    await primary.query('insert into known values (2)', url);
    await eventuallyHolds(async () => expect(await stale()).toBe(primary.port), patience);
    await eventuallyHolds(async () => expect(await reasonOf()).toMatchObject({ reason: 'slow' }), patience);
    for (let i = 0; i < 10; i += 1) expect(await stale()).toBe(primary.port);
    await standby.query('select pg_wal_replay_resume()');
    await eventuallyHolds(async () => expect(await stale()).toBe(standby.port), patience);
  }, 60_000);

  it('searches on it, and shows nothing that was deleted although the replica still has it', async () => {
    const { api } = service;
    const { body: sent } = await api('POST', '/api/v1/documents', aDocument());
    const search = async () => {
      const { body } = await api('POST', '/api/v1/search', { query: 'wick', mode: 'keyword' });
      return body.hits.map((hit: { document_id: string }) => hit.document_id);
    };
    await eventuallyHolds(async () => expect(await search()).toEqual([sent.id]), patience);
    await standby.query('select pg_wal_replay_pause()');
    const readByReplica = async () => {
      const [row] = await standby.query<{ n: number }>(
        "select sum(idx_scan + seq_scan)::int as n from pg_stat_user_tables where relname = 'chunks'",
        url.replace(`:${primary.port}/`, `:${standby.port}/`),
      );
      return row!.n;
    };
    const before = await readByReplica();
    expect((await api('DELETE', `/api/v1/documents/${sent.id}`)).status).toBe(204);
    expect(await search()).toEqual([]);
    await eventuallyHolds(async () => expect(await readByReplica()).toBeGreaterThan(before), patience);
    await standby.query('select pg_wal_replay_resume()');
  }, 60_000);

  it('does not read from one that was promoted: it is the replica of nothing any more', async () => {
    await standby.promote();
    await eventuallyHolds(async () => expect(await stale()).toBe(primary.port), patience);
    await eventuallyHolds(async () => expect(await reasonOf()).toMatchObject({ reason: 'failed' }), patience);
    for (let i = 0; i < 10; i += 1) expect(await stale()).toBe(primary.port);
  }, 60_000);

  it('starts without it, and finds it when it comes', async () => {
    await service.close();
    await standby.kill();
    service = await boot({
      DATABASE_URL: url,
      DATABASE_REPLICA_URL: url.replace(`:${primary.port}/`, `:${standby.port}/`),
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    });
    db = service.app.get(Database);
    expect(await stale()).toBe(primary.port);
    await standby.restart();
    await eventuallyHolds(async () => expect(await stale()).toBe(standby.port), patience);
  }, 90_000);
});
