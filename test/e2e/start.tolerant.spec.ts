import { type Child, bootChild } from '../support/boot.js';
import { aDocument } from '../support/documents.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { type QdrantDouble, startQdrant } from '../support/qdrant.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const PATIENCE = { timeoutMs: 30_000, everyMs: 50 };
type Late = 'database' | 'vector_store' | 'cache';

// STARTUP_POLICY=tolerant: the service listens although nothing that it needs is there, and takes each thing up when it comes.
describeWithPostgres('A tolerant start with nothing there', () => {
  let servers: [PostgresServer, QdrantDouble, RedisServer];
  let lines: Record<Late, FaultProxy>;
  let service: Child | undefined;

  beforeAll(async () => {
    servers = await Promise.all([PostgresServer.start(), startQdrant(), startRedis()]);
    const [postgres, qdrant, redis] = servers;
    lines = {
      database: await FaultProxy.start(postgres.port),
      vector_store: await FaultProxy.start(qdrant.port),
      cache: await FaultProxy.start(redis.port),
    };
  }, 60_000);
  afterEach(async () => {
    service?.kill('SIGKILL');
    await service?.exited;
    service = undefined;
  });
  afterAll(async () => {
    await Promise.all(Object.values(lines ?? {}).map((line) => line.stop()));
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  /** The service, which finds nobody where its settings point. */
  const startWithNothing = async (env: Record<string, string> = {}) => {
    for (const line of Object.values(lines)) await line.behave({ kind: 'refuse' });
    const database = new URL(await servers[0].newDatabase());
    database.port = String(lines.database.port);
    service = bootChild({
      STARTUP_POLICY: 'tolerant',
      DATABASE_URL: database.href,
      DB_POOL_SIZE: '4',
      QDRANT_URL: `http://127.0.0.1:${lines.vector_store.port}`,
      REDIS_URL: `redis://127.0.0.1:${lines.cache.port}`,
      ...env,
    });
    await service.ready();
    return service;
  };
  const ask = (path: string) => service!.api('GET', path);
  const checks = async () => (await ask('/api/v1/health/readiness')).body.checks;

  const orders: [Late, Late, Late][] = [
    ['database', 'vector_store', 'cache'],
    ['database', 'cache', 'vector_store'],
    ['vector_store', 'database', 'cache'],
    ['vector_store', 'cache', 'database'],
    ['cache', 'database', 'vector_store'],
    ['cache', 'vector_store', 'database'],
  ];
  it.each(orders)(
    'is alive and not ready, and takes them up as they come: %s, %s, %s',
    async (...order) => {
      const { api } = await startWithNothing();
      expect(await ask('/api/v1/health/liveness')).toMatchObject({ status: 200 });
      expect(await ask('/api/v1/health/startup')).toMatchObject({ status: 200 });
      expect(await ask('/api/v1/health/readiness')).toMatchObject({
        status: 503,
        body: { status: 'not_ready', overall_healthy: false },
      });
      expect(await api('POST', '/api/v1/documents', aDocument())).toMatchObject({
        status: 503,
        body: { code: 'dependency_unavailable' },
      });
      const { boot } = (await ask('/api/v1/health/diagnostics')).body;
      expect(boot).toContainEqual(
        expect.objectContaining({
          step: 'database',
          verdict: 'waiting',
          reason: 'unreachable',
          remedy: expect.stringContaining('Is it running'),
        }),
      );
      for (const name of order) {
        await lines[name].heal();
        await eventuallyHolds(async () => expect((await checks())[name].status).toBe('up'), PATIENCE);
        const { status } = await ask('/api/v1/health/readiness');
        // What is critical decides, and by then it has its tables.
        if (status === 200)
          expect((await api('POST', '/api/v1/documents', aDocument({ external_id: name }))).status).toBe(202);
      }
      const ready = await eventually(async () => {
        const reply = await ask('/api/v1/health/readiness');
        return reply.body.status === 'ready' ? reply : undefined;
      }, PATIENCE);
      expect(ready).toMatchObject({ status: 200, body: { overall_healthy: true } });
      expect(await api('POST', '/api/v1/documents', aDocument())).toMatchObject({ status: 202 });
    },
    90_000,
  );

  it('ends all the same for what is set up wrongly', async () => {
    const wrong = bootChild({ STARTUP_POLICY: 'tolerant', PORT: 'eighty' });
    expect((await wrong.exited).code).toBe(10);
    const database = new URL(await servers[0].newDatabase());
    const capacity = bootChild({ STARTUP_POLICY: 'tolerant', DATABASE_URL: database.href, REPLICAS: '9' });
    expect((await capacity.exited).code).toBe(15);
  }, 60_000);
});
