import { boot, type Booted } from '../support/boot.js';
import { aDocument, ingest } from '../support/documents.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { describeWithRedis } from '../support/needs.js';

// What a request may take while Redis is away, at most: on a quiet machine it is some 20 ms, and 250 for the first few.
const GENEROUS_MS = 3_000;
const CALLS = 40;

const diagnosed = async (service: Booted) =>
  (await service.api('GET', '/api/v1/health/diagnostics')).body.dependencies.cache;

describeWithRedis('The service on Redis', () => {
  let server: RedisServer;
  let service: Booted;
  beforeAll(async () => {
    server = await startRedis();
    service = await boot({
      REDIS_URL: server.url,
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    });
    await ingest(service.api, aDocument());
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await server?.stop();
  });

  const isReady = () =>
    eventually(async () => (await service.api('GET', '/api/v1/health/readiness')).body.status === 'ready', {
      timeoutMs: 20_000,
      what: 'A service that is ready',
    });

  it('says at the start what it found there, and how fast it is', async () => {
    expect(await diagnosed(service)).toMatchObject({
      adapter: 'redis',
      traits: { durable: true, shared: true },
      status: 'up',
      limits: 'shared by the replicas',
      round_trip_at_start_ms: { p50: expect.any(Number), max: expect.any(Number) },
    });
  });

  it('keeps there what it has computed', async () => {
    await service.api('POST', '/api/v1/search', { query: 'What does the lamp burn?' });
    const keys = await server.command('KEYS', 'mainstay:embeddings:*');
    expect(keys.split('mainstay:embeddings:').length).toBeGreaterThan(2);
  });

  const faults: Record<string, { begin(): unknown; end(): unknown }> = {
    'is killed and comes back empty': { begin: () => server.kill(), end: () => server.start() },
    'is stopped (SIGSTOP)': { begin: () => server.pause(), end: () => server.resume() },
    'has no memory left': {
      begin: () => server.command('CONFIG', 'SET', 'maxmemory', '1mb'),
      end: () => server.command('CONFIG', 'SET', 'maxmemory', '0'),
    },
    'became a replica': {
      begin: () => server.command('REPLICAOF', '127.0.0.1', server.port),
      end: () => server.command('REPLICAOF', 'NO', 'ONE'),
    },
  };

  it.each(Object.keys(faults))(
    'fails nobody and keeps nobody waiting, says so, and is well again by itself: Redis %s',
    async (name) => {
      await isReady();
      await faults[name]!.begin();
      const degraded = eventually(async () => {
        const { status, body } = await service.api('GET', '/api/v1/health/readiness');
        return status === 200 && body.status === 'degraded' && body.checks.cache.status !== 'up';
      });
      for (let i = 0; i < CALLS; i += 1) {
        const startMs = performance.now();
        const { status, body } = await service.api('POST', '/api/v1/search', {
          query: `What does the lamp burn? ${name} ${i}`,
        });
        expect({ status, hits: body.hits?.length }).toEqual({ status: 200, hits: 1 });
        expect(performance.now() - startMs).toBeLessThan(GENEROUS_MS);
      }
      expect(
        (await ingest(service.api, aDocument({ external_id: name, content: `# ${name}\n\nWell.\n` }))).status,
      ).toBe('ready');
      await degraded;
      await faults[name]!.end();
      await isReady();
    },
    60_000,
  );

  it('starts without it, degraded, and takes it up when it comes', async () => {
    await server.kill();
    const late = await boot({
      REDIS_URL: server.url,
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    });
    try {
      expect((await late.api('GET', '/api/v1/health/readiness')).body).toMatchObject({ status: 'degraded' });
      expect(await diagnosed(late)).toMatchObject({ reason: 'unreachable' });
      await server.start();
      await eventuallyHolds(async () => expect(await diagnosed(late)).toMatchObject({ status: 'up' }));
      await eventuallyHolds(async () =>
        expect(await diagnosed(late)).toMatchObject({ messages_heard: true }),
      );
    } finally {
      await late.close();
    }
  }, 60_000);

  it('finds what another process has computed', async () => {
    await isReady();
    const query = { query: 'What did the other replica ask?' };
    await service.api('POST', '/api/v1/search', query);
    const embeddings = async () =>
      (await server.command('KEYS', 'mainstay:embeddings:*')).match(/embeddings:/g)?.length;
    const before = await embeddings();
    const sets = async () =>
      Number(/cmdstat_set:calls=(\d+)/.exec(await server.command('INFO', 'commandstats'))?.[1] ?? 0);
    const other = await boot({ REDIS_URL: server.url, HEALTH_INTERVAL_MS: '600000' });
    try {
      const hits = async () => Number(/keyspace_hits:(\d+)/.exec(await server.command('INFO', 'stats'))![1]);
      const [hitsBefore, setsBefore] = [await hits(), await sets()];
      await other.api('POST', '/api/v1/search', query);
      expect(await hits()).toBeGreaterThan(hitsBefore);
      expect(await embeddings()).toBe(before);
      // The check of the first process writes as well, five times a second.
      expect((await sets()) - setsBefore).toBeLessThan(20);
    } finally {
      await other.close();
    }
  }, 60_000);
});

describeWithPostgres('Two replicas on one PostgreSQL and one Redis', () => {
  it('have a document embedded at once that the other one took in, not at the next look', async () => {
    const [postgres, redis] = await Promise.all([PostgresServer.start(), startRedis()]);
    const shared = {
      DATABASE_URL: await postgres.newDatabase(),
      DB_POOL_SIZE: '5',
      REDIS_URL: redis.url,
      REPLICAS: '2',
    };
    const takes = await boot({ ...shared, INGEST_CONCURRENCY: '0' });
    const works = await boot(shared);
    try {
      await eventuallyHolds(async () =>
        expect(await diagnosed(works)).toMatchObject({ messages_heard: true }),
      );
      const waits: number[] = [];
      for (let i = 0; i < 6; i += 1) {
        const document = aDocument({ external_id: `document ${i}` });
        await takes.api('POST', '/api/v1/documents', document);
        const job = await eventually(
          async () => {
            const { data } = (await takes.api('GET', '/api/v1/jobs?limit=1')).body;
            return data[0]?.started_at === null ? undefined : data[0];
          },
          { timeoutMs: 20_000 },
        );
        waits.push(Date.parse(job.started_at) - Date.parse(job.created_at));
      }
      // Looks every two seconds find six within three seconds together once in sixty times.
      expect(waits.reduce((sum, ms) => sum + ms)).toBeLessThan(3_000);
    } finally {
      await takes.close();
      await works.close();
      await Promise.all([postgres.stop(), redis.stop()]);
    }
  }, 90_000);
});
