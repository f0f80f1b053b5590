import { Logger } from '@nestjs/common';
import type { Cache } from '../../src/platform/cache/cache.js';
import { GuardedCache } from '../../src/platform/cache/guarded.cache.js';
import { RedisCache } from '../../src/platform/cache/redis.cache.js';
import { redisFault } from '../../src/platform/cache/redis.faults.js';
import { newDependency } from '../support/guard.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { describeWithRedis } from '../support/needs.js';
import { cacheContract, type GivenCache } from './cache.suite.js';
import { connected, pass } from './redis.setup.js';

Logger.overrideLogger(false);

describeWithRedis('Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(() => server.command('FLUSHALL'));

  const onRedis = async (guard: (cache: RedisCache) => Cache): Promise<GivenCache> => {
    const { line, close } = await connected(server.url);
    return {
      cache: guard(new RedisCache(line)),
      pass: (ms) => pass(server.url, ms),
      counts: false,
      end: close,
    };
  };
  cacheContract('redis', () => onRedis((cache) => cache));
  cacheContract('redis, guarded', () =>
    onRedis((cache) => new GuardedCache(cache, newDependency(cache, redisFault))),
  );

  describe('RedisCache', () => {
    it('is shared by the replicas, and outlives each of them', async () => {
      const first = await connected(server.url);
      const options = { name: 'texts', entriesMax: 1, ttlMs: 60_000 };
      await new RedisCache(first.line).space(options).set('a', Buffer.from('one'));
      first.close();
      const second = await connected(server.url);
      expect(await new RedisCache(second.line).space(options).get('a')).toEqual(Buffer.from('one'));
      second.close();
    });

    it('writes only below its own name, and nothing that stays for ever', async () => {
      const { line, close } = await connected(server.url);
      const cache = new RedisCache(line);
      await cache.space({ name: 'texts', entriesMax: 1, ttlMs: 60_000 }).set('a', Buffer.from('one'));
      await cache.space({ name: 'brief', entriesMax: 1, ttlMs: 0.1 }).set('a', Buffer.from('one'));
      await cache.check();
      const keys = (await line.run((redis) => redis.keys('*'))).filter(
        (key) => !key.startsWith('mainstay:brief:'),
      );
      expect(keys.toSorted()).toEqual([expect.stringMatching(/^mainstay:check:/), 'mainstay:texts:a']);
      for (const key of keys) {
        const ttlMs = await line.run((redis) => redis.pttl(key));
        expect(ttlMs).toBeGreaterThan(0);
        expect(ttlMs).toBeLessThanOrEqual(60_000);
      }
      close();
    });
  });
});
