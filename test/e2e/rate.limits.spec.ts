import { SignJWT } from 'jose';
import { boot, type Booted, type Reply } from '../support/boot.js';
import { eventuallyHolds } from '../support/eventually.js';
import { describeWithRedis } from '../support/needs.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const JWT_SECRET = 'a secret that is at least 32 characters long';
const OPERATOR = 'an-operators-token-of-length';
const credentials = { JWT_SECRET_KEY: JWT_SECRET, OPERATOR_TOKEN: OPERATOR };

/** Somebody of a tenant who may do everything. */
const somebody = async (sub: string, business_id = 'acme') => {
  const token = await new SignJWT({ business_id, scope: 'read write' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(JWT_SECRET));
  return { authorization: `Bearer ${token}` };
};
type Headers = Record<string, string>;
const list = ({ api }: Booted, headers?: Headers) => api('GET', '/api/v1/documents', undefined, headers);
const search = ({ api }: Booted, headers?: Headers) => api('POST', '/api/v1/search', { query: 'x' }, headers);

/** How many of so many requests at once are answered. */
const granted = async (times: number, ask: () => Promise<Reply>) => {
  const statuses = (await Promise.all(Array.from({ length: times }, ask))).map(({ status }) => status);
  expect(new Set(statuses.filter((status) => status !== 200))).toEqual(
    statuses.every((status) => status === 200) ? new Set() : new Set([429]),
  );
  return statuses.filter((status) => status === 200).length;
};

describe('Limits', () => {
  let service: Booted;
  beforeAll(async () => {
    service = await boot({
      ...credentials,
      // An hour: nothing to speak of flows in while a test runs.
      RATE_LIMIT_REQUESTS: '5',
      TENANT_RATE_LIMIT_REQUESTS: '8',
      VECTOR_RATE_LIMIT_REQUESTS: '0',
    });
  }, 60_000);
  afterAll(() => service?.close());

  it('tell each caller what is left, and refuse what is too much with the time to wait', async () => {
    const headers = await somebody('one', 'told');
    const levels: (string | null)[] = [];
    for (let i = 0; i < 5; i += 1) {
      const reply = await list(service, headers);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('ratelimit-policy')).toBe('"key";q=5;w=3600, "tenant";q=8;w=3600');
      levels.push(reply.headers.get('ratelimit'));
    }
    expect(levels.map((level) => level!.replaceAll(/;t=\d+/g, ''))).toEqual(
      [4, 3, 2, 1, 0].map((left) => `"key";r=${left}, "tenant";r=${left + 3}`),
    );
    // One flows in every 720 s.
    const [, seconds] = /"key";r=4;t=(\d+)/.exec(levels[0]!)!;
    expect(Number(seconds)).toBe(720);
    const refused = await list(service, headers);
    expect(refused).toMatchObject({
      status: 429,
      body: { code: 'rate_limited', detail: expect.stringContaining('5 requests in 3600 s') },
    });
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(600);
    expect(wait).toBeLessThanOrEqual(720);
    expect(refused.headers.get('ratelimit')).toMatch(/^"key";r=0;t=\d+$/);
  });

  it('count each caller for himself, and all of a tenant together', async () => {
    const [one, two] = [await somebody('one', 'shared'), await somebody('two', 'shared')];
    expect(await granted(6, () => list(service, one))).toBe(5);
    expect(await granted(6, () => list(service, two))).toBe(3);
    const third = await list(service, await somebody('three', 'shared'));
    expect(third.body.detail).toContain('all credentials of a business_id');
    expect((await list(service, await somebody('one', 'another'))).status).toBe(200);
  });

  it('are not for probes, operators and those who are not let in', async () => {
    const operator = { authorization: `Bearer ${OPERATOR}` };
    for (let i = 0; i < 20; i += 1) {
      const probe = await service.api('GET', '/api/v1/health/readiness');
      expect([probe.status, probe.headers.get('ratelimit')]).toEqual([200, null]);
      const page = await service.api('GET', '/api/v1/health/diagnostics', undefined, operator);
      expect([page.status, page.headers.get('ratelimit')]).toEqual([200, null]);
      expect((await list(service)).status).toBe(401);
    }
  });
});

describe('Limits where nothing is set', () => {
  it('are a thousand an hour, and ten a second for what searches, where credentials are asked for', async () => {
    const service = await boot(credentials);
    try {
      const headers = await somebody('one');
      const policies = async (reply: Promise<Reply>) => (await reply).headers.get('ratelimit-policy');
      expect(await policies(list(service, headers))).toBe('"key";q=1000;w=3600, "tenant";q=1000;w=3600');
      expect(await policies(search(service, headers))).toBe(
        '"vector";q=10;w=1, "key";q=1000;w=3600, "tenant";q=1000;w=3600',
      );
      const startedMs = performance.now();
      const replies = await Promise.all(Array.from({ length: 60 }, () => search(service, headers)));
      const flowed = (performance.now() - startedMs) / 100;
      const answered = replies.filter(({ status }) => status === 200).length;
      expect(answered).toBeGreaterThanOrEqual(9);
      expect(answered).toBeLessThanOrEqual(10 + flowed);
      for (const { body, headers: said } of replies.filter(({ status }) => status === 429)) {
        expect(body.detail).toContain('10 requests in 1 s');
        expect(said.get('retry-after')).toBe('1');
      }
    } finally {
      await service.close();
    }
  }, 60_000);

  it('are none where no credentials are asked for', async () => {
    const service = await boot();
    try {
      expect(await granted(40, () => search(service))).toBe(40);
      expect((await list(service)).headers.get('ratelimit')).toBeNull();
    } finally {
      await service.close();
    }
  }, 60_000);

  it('are for each address where one is set and no credentials are asked for', async () => {
    const service = await boot({ RATE_LIMIT_REQUESTS: '3', TRUST_PROXY: 'loopback' });
    try {
      const from = (address: string) => ({ 'x-forwarded-for': address });
      expect(await granted(5, () => list(service, from('192.0.2.1')))).toBe(3);
      // Whatever a client says of itself stands left of what the proxy saw.
      expect(await granted(1, () => list(service, from('198.51.100.7, 192.0.2.1')))).toBe(0);
      expect(await granted(5, () => list(service, from('192.0.2.2')))).toBe(3);
    } finally {
      await service.close();
    }
  }, 60_000);
});

describeWithRedis('Limits of two replicas', () => {
  let redis: RedisServer;
  let replicas: Booted[];
  beforeAll(async () => {
    redis = await startRedis();
    const settings = {
      ...credentials,
      REDIS_URL: redis.url,
      REPLICAS: '2',
      // However busy this machine is, Redis is not taken to be away while it is there.
      REDIS_COMMAND_TIMEOUT_MS: '5000',
      RATE_LIMIT_REQUESTS: '10',
      TENANT_RATE_LIMIT_REQUESTS: '0',
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    };
    replicas = [await boot(settings), await boot(settings)];
  }, 90_000);
  afterAll(async () => {
    for (const replica of replicas ?? []) await replica.close();
    await redis?.stop();
  });

  const grantedBy = (headers: Headers) =>
    Promise.all(replicas.map((replica) => granted(20, () => list(replica, headers))));

  it('are counted together in Redis: both grant no more than the one limit', async () => {
    const [one, other] = await grantedBy(await somebody('together'));
    expect(one! + other!).toBe(10);
  });

  it('are each one’s share while Redis is dead, and fail nobody', async () => {
    await redis.kill();
    expect(await grantedBy(await somebody('apart'))).toEqual([5, 5]);
    await redis.start();
    await eventuallyHolds(async () => {
      const { body } = await replicas[0]!.api('GET', '/api/v1/health/diagnostics', undefined, {
        authorization: `Bearer ${OPERATOR}`,
      });
      expect(body.dependencies.cache).toMatchObject({ status: 'up' });
    });
  }, 60_000);
});
