import { Removals } from '../../src/features/knowledge/removals.js';
import { Jobs } from '../../src/platform/jobs/jobs.js';
import { type Api, boot, type Booted, bootChild } from '../support/boot.js';
import { aDocument, ingest } from '../support/documents.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { describeNeeding } from '../support/needs.js';
import { postgresMissing, PostgresServer } from '../support/postgres.js';
import { startQdrant } from '../support/qdrant.js';
import { redisMissing, type RedisServer, startRedis } from '../support/redis.js';

const OPERATOR = 'an-operators-token-of-length';
const settings = {
  SECRET_KEY: 'a secret that is at least 32 characters long',
  JWT_SECRET_KEY: 'another secret that is at least 32 characters long',
  OPERATOR_TOKEN: OPERATOR,
  DB_POOL_SIZE: '5',
  HEALTH_INTERVAL_MS: '200',
  CIRCUIT_BACKOFF_MAX_MS: '1000',
};
const as = (key: string) => ({ authorization: `Bearer ${key}` });
const made = async ({ api }: Pick<Booted, 'api'>, fields: object = {}) => {
  const { status, body } = await api(
    'POST',
    '/api/v1/keys',
    { name: 'crm', business_id: 'acme', ...fields },
    as(OPERATOR),
  );
  if (status !== 201) throw new Error(`No key was made: ${JSON.stringify(body)}`);
  return body as { id: string; key: string };
};
/** Asks for what needs no database, so that only who asks is at issue. */
const exchange = ({ api }: Pick<Booted, 'api'>, key: string) =>
  api('POST', '/api/v1/auth/token', undefined, as(key));

describeNeeding(postgresMissing ?? redisMissing, 'API keys, on servers that may die', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  beforeAll(async () => {
    [postgres, redis] = await Promise.all([PostgresServer.start(), startRedis()]);
  }, 60_000);
  afterAll(() => Promise.all([postgres?.stop(), redis?.stop()]));

  it('are taken back everywhere, as soon as the replicas have told each other', async () => {
    const shared = { ...settings, DATABASE_URL: await postgres.newDatabase(), REDIS_URL: redis.url };
    const one = await boot(shared);
    const other = await boot(shared);
    try {
      await eventuallyHolds(async () => {
        const { body } = await other.api('GET', '/api/v1/health/diagnostics', undefined, as(OPERATOR));
        expect(body.dependencies.cache).toMatchObject({ messages_heard: true });
      });
      const { id, key } = await made(one);
      expect((await exchange(other, key)).status).toBe(200);
      const path = `/api/v1/keys/${id}?business_id=acme`;
      expect((await one.api('DELETE', path, undefined, as(OPERATOR))).status).toBe(204);
      expect((await exchange(one, key)).status).toBe(401);
      // Without a message the other would go on for half a minute.
      await eventually(async () => (await exchange(other, key)).status === 401, { timeoutMs: 10_000 });
    } finally {
      await one.close();
      await other.close();
    }
  }, 90_000);

  it.each(['is killed', 'hangs'])(
    'go on to be taken where they are known while the database %s; others are told to come again',
    async (fault) => {
      const service = await boot({ ...settings, DATABASE_URL: await postgres.newDatabase() });
      try {
        const [known, unknown] = [await made(service), await made(service)];
        expect((await exchange(service, known.key)).status).toBe(200);
        if (fault === 'hangs') postgres.pause();
        else await postgres.kill();

        const { status, body } = await exchange(service, known.key);
        expect(status).toBe(200);
        // A token needs nothing but the secret.
        expect((await exchange(service, body.access_token)).status).toBe(403);
        const refused = await exchange(service, unknown.key);
        expect(refused).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        // What can be no key of ours is wrong whatever else is.
        expect((await exchange(service, 'msk_abc')).status).toBe(401);
        // Who is let in finds that the database is away; it is not taken for a matter of his key.
        const listed = await service.api('GET', '/api/v1/documents', undefined, as(known.key));
        expect(listed).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
        const probe = await service.api('GET', '/api/v1/health/liveness');
        expect(probe.status).toBe(200);

        if (fault === 'hangs') postgres.resume();
        else await postgres.restart();
        await eventually(async () => (await exchange(service, unknown.key)).status === 200);
      } finally {
        postgres.resume();
        await service.close();
      }
    },
    90_000,
  );

  it('get an answer from the index while the database is away, as if nobody had been asked for a key', async () => {
    const qdrant = await startQdrant();
    const service = await boot({
      ...settings,
      DATABASE_URL: await postgres.newDatabase(),
      QDRANT_URL: qdrant.url,
      // None of this takes a second, or it takes more than ten.
      VECTOR_RATE_LIMIT_REQUESTS: '0',
    });
    try {
      const [known, unknown, theirs] = [
        await made(service),
        await made(service),
        await made(service, { business_id: 'globex' }),
      ];
      const search = (key: string) =>
        service.api('POST', '/api/v1/search', { query: 'what does the lamp burn' }, as(key));
      const of =
        (key: string): Api =>
        (method, path, body) =>
          service.api(method, path, body, as(key));
      await ingest(of(known.key), aDocument());
      expect((await search(theirs.key)).body.hits).toEqual([]);
      const removals = service.app.get(Removals, { strict: false });
      const jobs = service.app.get(Jobs, { strict: false });
      await eventuallyHolds(async () => {
        expect(await jobs.depth()).toMatchObject({ queued: 0, running: 0 });
        expect(removals.done).toBe(true);
      });

      await postgres.kill();
      const { status, body } = await search(known.key);
      expect(status).toBe(200);
      expect(body).toMatchObject({ verified: false, degraded_because: [{ dependency: 'database' }] });
      expect(body.hits.length).toBeGreaterThan(0);
      // Nor does it fail open across tenants.
      expect((await search(theirs.key)).body).toMatchObject({ verified: false, hits: [] });
      expect(await search(unknown.key)).toMatchObject({
        status: 503,
        body: { code: 'dependency_unavailable' },
      });
    } finally {
      await postgres.restart();
      await service.close();
      await qdrant.stop();
    }
  }, 90_000);

  it('stand in no line of the log, whatever is done with them, and no secret of ours does', async () => {
    const child = bootChild({
      ...settings,
      DATABASE_URL: await postgres.newDatabase(),
      LOG_LEVEL: 'trace',
    });
    await child.ready();
    const { id, key } = await made(child);
    const { body } = await exchange(child, key);
    await child.api('POST', '/api/v1/documents', aDocument(), as(key));
    await child.api('POST', '/api/v1/keys', { name: 5 }, as(key));
    await child.api('GET', `/api/v1/documents?token=${key}`, undefined, as(key));
    await child.api('GET', '/api/v1/documents', undefined, as(`${key}x`));
    const rotated = await child.api(
      'POST',
      `/api/v1/keys/${id}/rotate?business_id=acme`,
      { grace_s: 0 },
      as(OPERATOR),
    );
    await child.api('GET', '/api/v1/documents', undefined, as(key));
    await postgres.kill();
    await exchange(child, rotated.body.key);
    await postgres.restart();
    child.kill('SIGTERM');
    await child.exited;
    const said = child.stdout() + child.stderr();
    expect(said).toContain('/api/v1/keys');
    const secrets = {
      key: key.split('.')[1],
      rotated: rotated.body.key.split('.')[1],
      token: body.access_token.split('.')[2],
      operator: OPERATOR,
      SECRET_KEY: settings.SECRET_KEY,
      JWT_SECRET_KEY: settings.JWT_SECRET_KEY,
    };
    expect(Object.keys(secrets).filter((name) => said.includes(secrets[name as 'key']!))).toEqual([]);
  }, 90_000);
});
