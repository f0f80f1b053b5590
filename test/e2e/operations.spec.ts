import { boot, type Booted } from '../support/boot.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { describeNeeding } from '../support/needs.js';
import { postgresMissing, PostgresServer } from '../support/postgres.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { redisMissing, type RedisServer, startRedis } from '../support/redis.js';

const TOKEN = 'an-operators-token-of-length';
const OPERATOR = { authorization: `Bearer ${TOKEN}` };
const INTERVAL_MS = 1_000;

describeNeeding(postgresMissing ?? redisMissing, 'Operations on two replicas', () => {
  let database: PostgresServer;
  let redis: RedisServer;
  let provider: Provider;
  let replicas: [Booted, Booted];

  beforeAll(async () => {
    [database, redis, provider] = await Promise.all([PostgresServer.start(), startRedis(), startProvider()]);
    const env = {
      DATABASE_URL: await database.newDatabase(),
      DB_POOL_SIZE: '3',
      REDIS_URL: redis.url,
      OPERATOR_TOKEN: TOKEN,
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_MODEL: 'model',
      HEALTH_INTERVAL_MS: String(INTERVAL_MS),
    };
    replicas = [await boot(env), await boot(env)];
    await eventuallyHolds(async () => {
      for (const { api } of replicas) {
        const { body } = await api('GET', '/api/v1/health/diagnostics', undefined, OPERATOR);
        expect(body.dependencies.cache.messages_heard).toBe(true);
      }
    });
  }, 60_000);
  afterAll(async () => {
    await Promise.all((replicas ?? []).map((replica) => replica.close()));
    await Promise.all([database, redis, provider].map((server) => server?.stop()));
  });

  const statusOf = async ({ api }: Booted, dependency: string) =>
    (await api('GET', '/api/v1/health/readiness')).body.checks[dependency].status;

  it('keep callers away from a dependency in all of them, and let them back', async () => {
    const [one, other] = replicas;
    const order = (what: string) =>
      one.api('POST', `/api/v1/operations/circuits/llm.only/${what}`, undefined, OPERATOR);
    expect(await order('isolate')).toMatchObject({
      status: 200,
      body: { dependency: 'llm.only', status: 'down', circuit: 'isolated' },
    });
    await eventually(async () => (await statusOf(other, 'llm.only')) === 'down');
    expect(await order('reset')).toMatchObject({ body: { status: 'up', circuit: 'closed' } });
    await eventually(async () => (await statusOf(other, 'llm.only')) === 'up');
  });

  it('put all of them under maintenance, and end it', async () => {
    const [one, other] = replicas;
    const maintain = (body: object) => one.api('PUT', '/api/v1/operations/maintenance', body, OPERATOR);
    await maintain({ enabled: true, detail: 'Back at nine', retry_after_s: 30 });
    await eventuallyHolds(async () => {
      const reply = await other.api('POST', '/api/v1/search', { query: 'lamp' });
      expect(reply).toMatchObject({ status: 503, body: { code: 'maintenance', detail: 'Back at nine' } });
      expect(reply.headers.get('retry-after')).toBe('30');
    });
    const { maintenance } = (await other.api('GET', '/api/v1/health/diagnostics', undefined, OPERATOR)).body;
    expect(maintenance).toMatchObject({ detail: 'Back at nine' });
    expect(await maintain({ enabled: false })).toMatchObject({
      body: { enabled: false, since: null, detail: null, retry_after_s: null },
    });
    await eventually(
      async () => (await other.api('POST', '/api/v1/search', { query: 'lamp' })).status === 200,
    );
    // With the words that stand where an operator says none.
    await maintain({ enabled: true });
    await eventuallyHolds(async () => {
      const { body } = await other.api('POST', '/api/v1/search', { query: 'lamp' });
      expect(body.detail).toBe('The service is under maintenance');
    });
    await maintain({ enabled: false });
    await eventually(
      async () => (await other.api('POST', '/api/v1/search', { query: 'lamp' })).status === 200,
    );
  });

  it('are for operators, and name what is wrong', async () => {
    const [{ api }] = replicas;
    expect((await api('PUT', '/api/v1/operations/maintenance', { enabled: true })).status).toBe(401);
    const wrong = await api('POST', '/api/v1/operations/circuits/nothing/reset', undefined, OPERATOR);
    expect(wrong).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('There are database, cache') },
    });
    expect((await api('POST', '/api/v1/operations/circuits/A!/reset', undefined, OPERATOR)).status).toBe(422);
    for (const body of [
      {},
      { enabled: 'yes' },
      { enabled: true, retry_after_s: 0 },
      { enabled: true, more: 1 },
    ])
      expect((await api('PUT', '/api/v1/operations/maintenance', body, OPERATOR)).status).toBe(422);
  });

  it('look at what they share once for all of them', async () => {
    await eventually(async () => provider.of('models').length > 0);
    const before = provider.of('models').length;
    const startedMs = performance.now();
    // Ten intervals, in which each of the two alone would look ten times.
    await eventually(() => performance.now() - startedMs > 10 * INTERVAL_MS, { timeoutMs: 15_000 });
    const looks = provider.of('models').length - before;
    expect(looks).toBeGreaterThanOrEqual(5);
    expect(looks).toBeLessThanOrEqual(15);
    for (const replica of replicas) expect(await statusOf(replica, 'llm.only')).toBe('up');
  }, 30_000);
});
