import { boot, type Booted } from '../support/boot.js';
import { aDocument } from '../support/documents.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { startQdrant, type QdrantDouble } from '../support/qdrant.js';

const READINESS = '/api/v1/health/readiness';
const PROBES = [
  '/health',
  '/health/live',
  '/api/v1/health/liveness',
  READINESS,
  '/health/ready',
  '/api/v1/health/startup',
];
const INTERVAL_MS = 1_000;
// What a machine that is busy with other things may do to a probe. Without the sampler it would wait for what hangs.
const SOON_MS = 2_000;

describeWithPostgres('Probes', () => {
  let database: PostgresServer;
  let line: FaultProxy;
  let qdrant: QdrantDouble;
  let provider: Provider;
  let service: Booted;

  const start = async (env: Record<string, string> = {}) => {
    const url = new URL(await database.newDatabase());
    url.port = String(line.port);
    return boot({
      DATABASE_URL: url.href,
      DB_POOL_SIZE: '3',
      QDRANT_URL: qdrant.url,
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_MODEL: 'model',
      HEALTH_INTERVAL_MS: String(INTERVAL_MS),
      CIRCUIT_BACKOFF_MAX_MS: '1000',
      ...env,
    });
  };
  beforeAll(async () => {
    [database, qdrant, provider] = await Promise.all([
      PostgresServer.start(),
      startQdrant(),
      startProvider(),
    ]);
    line = await FaultProxy.start(database.port);
    service = await start();
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await line?.stop();
    await Promise.all([database, qdrant, provider].map((server) => server?.stop()));
  });
  beforeEach(async () => {
    await line.heal();
    qdrant.behave();
    await provider.behave(undefined);
    await eventuallyHolds(async () =>
      expect((await service.api('GET', READINESS)).body.status).toBe('ready'),
    );
  });
  const ready = async (of = service) => (await of.api('GET', READINESS)).status;

  it('cost nothing that they ask about: ten thousand of them no more than one check an interval', async () => {
    const lookedFor = async () => {
      const { dependencies } = (await service.api('GET', '/api/v1/health/diagnostics')).body;
      return { connects: dependencies.database.connects, calls: line.counts.calls };
    };
    const before = { ...(await lookedFor()), qdrant: qdrant.count(), models: provider.of('models').length };
    const startedMs = performance.now();
    for (let i = 0; i < 10_000; i += 50)
      await Promise.all(Array.from({ length: 50 }, () => service.api('GET', READINESS)));
    const intervals = (performance.now() - startedMs) / INTERVAL_MS;
    const after = { ...(await lookedFor()), qdrant: qdrant.count(), models: provider.of('models').length };
    expect(after.connects).toBe(before.connects);
    expect(after.models - before.models).toBeLessThanOrEqual(1.3 * intervals + 2);
    expect(provider.of('chat')).toEqual([]);
    // Beside the checks there is the work of the queue: two looks for jobs and one at the queues in two seconds.
    expect(after.calls - before.calls).toBeLessThanOrEqual(40 * (intervals + 2));
    expect(after.qdrant - before.qdrant).toBeLessThanOrEqual(10 * (intervals + 2));
  }, 60_000);

  it('answer at once although everything that they ask about hangs', async () => {
    await line.behave({ kind: 'black_hole' });
    qdrant.behave({ kind: 'hang' });
    await provider.behave({ kind: 'hang', at: 'accept' });
    const calling = Array.from({ length: 20 }, () =>
      service.api('POST', '/api/v1/search', { query: 'lamp' }),
    );
    for (let i = 0; i < 30; i += 1) {
      for (const path of PROBES) {
        const startedMs = performance.now();
        const { status } = await service.api('GET', path);
        expect(performance.now() - startedMs).toBeLessThan(SOON_MS);
        expect([200, 503]).toContain(status);
      }
    }
    await Promise.all(calling);
  }, 60_000);

  it('turn within ten seconds of a loss that lasts, and back at once; the first request then succeeds', async () => {
    expect((await service.api('POST', '/api/v1/documents', aDocument())).status).toBe(202);
    const lostMs = performance.now();
    await line.behave({ kind: 'refuse' });
    await eventually(async () => (await ready()) === 503, { timeoutMs: 20_000, everyMs: 50 });
    const turnedMs = performance.now() - lostMs;
    expect(turnedMs).toBeGreaterThan(6_000);
    expect(turnedMs).toBeLessThan(10_000 + SOON_MS);
    expect((await service.api('GET', '/health')).status).toBe(200);
    const healedMs = performance.now();
    await line.heal();
    await eventually(async () => (await ready()) === 200, { timeoutMs: 20_000, everyMs: 10 });
    expect(performance.now() - healedMs).toBeLessThan(5_000 + SOON_MS);
    expect((await service.api('POST', '/api/v1/documents', aDocument())).status).toBe(202);
  }, 60_000);

  it('are not moved by what is over in six seconds', async () => {
    await line.behave({ kind: 'refuse' });
    const endsMs = performance.now() + 6_000;
    await eventually(
      async () => {
        expect(await ready()).toBe(200);
        return performance.now() > endsMs;
      },
      { timeoutMs: 10_000 },
    );
    await line.heal();
    await eventuallyHolds(async () =>
      expect((await service.api('GET', READINESS)).body.status).toBe('ready'),
    );
  }, 60_000);

  it('go on saying yes where they were told to fail open, and name what is down', async () => {
    const open = await start({ READINESS_MODE: 'fail_open' });
    try {
      await line.behave({ kind: 'refuse' });
      await eventuallyHolds(
        async () => {
          const { status, body } = await open.api('GET', READINESS);
          expect(body.checks.database.status).toBe('down');
          expect({ status, said: body.status }).toEqual({ status: 200, said: 'degraded' });
        },
        { timeoutMs: 20_000 },
      );
    } finally {
      await open.close();
    }
  }, 60_000);

  it('have one page more than they have names: with its slash, /health is for operators', async () => {
    const plain = await service.api('GET', '/health');
    expect(plain.body).toMatchObject({ status: 'ok', service: 'mainstay' });
    expect(plain.body.dependencies).toBeUndefined();
    for (const path of ['/health/', '/health/?x=1', '/health/detailed', '/api/v1/health/diagnostics'])
      expect((await service.api('GET', path)).body.dependencies.database.adapter).toBe('postgres');
    const standard = await service.api('GET', '/health/', undefined, { accept: 'application/health+json' });
    expect(standard.headers.get('content-type')).toMatch(/^application\/health\+json/);
    expect(standard.body).toMatchObject({
      status: 'pass',
      serviceId: 'mainstay',
      checks: { 'database:status': [{ status: 'pass', componentType: 'datastore' }] },
    });
  });
});
