import { Logger } from '@nestjs/common';
import { Cluster } from 'ioredis';
import { RedisCache } from '../../src/platform/cache/redis.cache.js';
import { RedisLimits } from '../../src/platform/cache/redis.limits.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { describeWithRedis } from '../support/needs.js';
import { cacheContract } from './cache.suite.js';
import { limitsContract } from './limits.suite.js';
import { type Connected, connected, pass } from './redis.setup.js';

Logger.overrideLogger(false);

const FAILOVER_MS = 20_000;
const OPTIONS = { name: 'texts', entriesMax: 1, ttlMs: 60_000 };

describeWithRedis('Redis by Sentinel', () => {
  let master: RedisServer;
  let replica: RedisServer;
  let sentinel: RedisServer;
  const open: Connected[] = [];
  const connect = async (url: string, timeoutMs?: number) => {
    const one = await connected(url, timeoutMs);
    open.push(one);
    return one;
  };

  beforeEach(async () => {
    master = await startRedis();
    replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    sentinel = await startRedis({
      config: [
        `sentinel monitor main 127.0.0.1 ${master.port} 1`,
        'sentinel down-after-milliseconds main 300',
        'sentinel failover-timeout main 2000',
      ],
      args: ['--sentinel'],
    });
    await eventually(async () =>
      (await replica.command('INFO', 'replication')).includes('master_link_status:up'),
    );
    await eventually(async () =>
      (await sentinel.command('SENTINEL', 'replicas', 'main')).includes(String(replica.port)),
    );
  });
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await Promise.all([sentinel.stop(), master.stop(), replica.stop()]);
  });
  const url = (first = sentinel) =>
    `redis+sentinel://127.0.0.1:${first.port},127.0.0.1:${sentinel.port}/main`;

  it('writes to the master, also while one of the Sentinels is away or hangs', async () => {
    const hung = await startRedis({ config: ['sentinel monitor main 127.0.0.1 1 1'], args: ['--sentinel'] });
    hung.pause();
    const { line } = await connect(`redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel.port}/main`);
    await line.run((redis) => redis.set('a', 'one'));
    expect(await master.command('GET', 'a')).toBe('one');
    await hung.stop();
  });

  it.each([
    ['killed', () => master.kill()],
    ['hung', async () => master.pause()],
  ])(
    'writes to the new master by itself when the old one was %s',
    async (_, end) => {
      const { line } = await connect(url(), 250);
      const space = new RedisCache(line).space(OPTIONS);
      await space.set('a', Buffer.from('one'));
      await end();
      await eventuallyHolds(() => space.set('b', Buffer.from('two')), { timeoutMs: FAILOVER_MS });
      expect(await replica.command('GET', 'mainstay:texts:b')).toBe('two');
    },
    60_000,
  );

  it('leaves a master that became a replica, though the connection to it is well', async () => {
    const { line } = await connect(url(), 2_000);
    await line.run((redis) => redis.set('a', 'one'));
    await sentinel.command('SENTINEL', 'failover', 'main');
    await eventuallyHolds(
      async () => {
        await line.run((redis) => redis.set('b', 'two'));
        expect(await replica.command('GET', 'b')).toBe('two');
      },
      { timeoutMs: FAILOVER_MS },
    );
  }, 60_000);
});

describeWithRedis('Redis as a Cluster', () => {
  let nodes: RedisServer[];
  const open: Connected[] = [];
  const connect = async (at: string, timeoutMs?: number) => {
    const one = await connected(at, timeoutMs);
    open.push(one);
    return one;
  };
  const urlOf = (...of: { port: number }[]) =>
    `redis+cluster://${of.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  const isWell = (all = nodes) =>
    eventually(
      async () =>
        (await Promise.all(all.map((node) => node.command('CLUSTER', 'INFO')))).every(
          (info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${all.length}`),
        ),
      { timeoutMs: 20_000, what: 'A Cluster that is well' },
    );
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  describe('of one node', () => {
    beforeAll(async () => {
      nodes = [
        await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] }),
      ];
      await nodes[0]!.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
      await isWell();
    }, 60_000);
    afterAll(() => Promise.all(nodes.map((node) => node.stop())));
    beforeEach(() => nodes[0]!.command('FLUSHALL'));

    cacheContract('redis cluster', async () => ({
      cache: new RedisCache((await connect(urlOf(nodes[0]!))).line),
      pass: (ms) => pass(nodes[0]!.url, ms),
      counts: false,
    }));
    limitsContract('redis cluster', async () => {
      const { line } = await connect(urlOf(nodes[0]!));
      return {
        limits: new RedisLimits(line),
        pass: async (ms) => {
          for (const key of await line.run((redis) => redis.keys('mainstay:limits:*'))) {
            const earlier =
              BigInt((await line.run((redis) => redis.get(key)))!) - BigInt(Math.floor(ms * 1_000));
            await line.run((redis) => redis.set(key, String(earlier), 'KEEPTTL'));
          }
        },
      };
    });
  });

  describe('of three nodes', () => {
    beforeAll(async () => {
      nodes = await Promise.all(
        Array.from({ length: 3 }, () =>
          // The others go on without one of them, and do not notice it while the test runs.
          startRedis({
            args: [
              '--cluster-enabled',
              'yes',
              '--cluster-announce-ip',
              '127.0.0.1',
              '--cluster-require-full-coverage',
              'no',
              '--cluster-node-timeout',
              '60000',
            ],
          }),
        ),
      );
      const [first, ...others] = nodes;
      await Promise.all(
        nodes.map((node, i) =>
          node.command(
            'CLUSTER',
            'ADDSLOTSRANGE',
            Math.ceil((i * 16_384) / 3),
            Math.ceil(((i + 1) * 16_384) / 3) - 1,
          ),
        ),
      );
      for (const node of others) await first!.command('CLUSTER', 'MEET', '127.0.0.1', node.port);
      await isWell();
    }, 60_000);
    afterAll(() => Promise.all(nodes.map((node) => node.stop())));

    const KEYS = Array.from({ length: 60 }, (_, i) => `key ${i}`);

    it('finds every key, whichever node it was told of', async () => {
      const { line } = await connect(urlOf(nodes[1]!));
      for (const key of KEYS) await line.run((redis) => redis.set(key, key));
      for (const key of KEYS) expect(await line.run((redis) => redis.get(key))).toBe(key);
      const sizes = await Promise.all(nodes.map((node) => node.command('DBSIZE')));
      expect(sizes).not.toContain(':0');
    });

    it('goes on with the other nodes while one hangs, and waits for that one once', async () => {
      const timeoutMs = 1_000;
      const { line, link } = await connect(urlOf(...nodes), timeoutMs);
      for (const key of KEYS) await line.run((redis) => redis.set(key, key));
      nodes[2]!.pause();
      const ofNodes = async () => {
        const startMs = performance.now();
        const results = await Promise.allSettled(KEYS.map((key) => line.run((redis) => redis.get(key))));
        return {
          found: results.filter((r) => r.status === 'fulfilled').length,
          tookMs: performance.now() - startMs,
        };
      };
      try {
        await ofNodes();
        await eventually(() => link.ready());
        const { found, tookMs } = await ofNodes();
        expect(found).toBeGreaterThan(KEYS.length / 2);
        expect(found).toBeLessThan(KEYS.length);
        expect(tookMs).toBeLessThan(timeoutMs);
      } finally {
        nodes[2]!.resume();
      }
      await eventuallyHolds(async () => expect((await ofNodes()).found).toBe(KEYS.length));
    });
  });

  describe('behind a line that loses replies', () => {
    let proxy: FaultProxy;
    beforeAll(async () => {
      const node = await startRedis({
        args: [
          '--cluster-enabled',
          'yes',
          '--cluster-announce-ip',
          '127.0.0.1',
          '--enable-debug-command',
          'yes',
        ],
      });
      nodes = [node];
      proxy = await FaultProxy.start(node.port);
      await node.command('CONFIG', 'SET', 'cluster-announce-port', proxy.port);
      await node.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
      await isWell();
    }, 60_000);
    afterAll(async () => {
      await proxy.stop();
      await nodes[0]!.stop();
    });
    beforeEach(() => nodes[0]!.command('DEL', 'counter'));

    it('by default: ioredis sends the command again, and it is done twice', async () => {
      const naive = new Cluster([{ host: '127.0.0.1', port: proxy.port }]);
      naive.on('error', () => {});
      await naive.incr('counter');
      await proxy.behave({ kind: 'lose_reply', to: /incr/i, every: 1 });
      const call = naive.incr('counter');
      await eventually(async () => (await nodes[0]!.command('GET', 'counter')) === '2');
      await proxy.heal();
      await call;
      expect(Number(await nodes[0]!.command('GET', 'counter'))).toBeGreaterThan(2);
      naive.disconnect();
    });

    it('here: the caller is told that it is not known, and it is done once', async () => {
      const { line } = await connect(urlOf(proxy));
      await line.run((redis) => redis.incr('counter'));
      await proxy.behave({ kind: 'lose_reply', to: /incr/i, every: 1 });
      await expect(line.run((redis) => redis.incr('counter'))).rejects.toThrow();
      await proxy.heal();
      await eventuallyHolds(() => line.run((redis) => redis.ping()));
      expect(await nodes[0]!.command('GET', 'counter')).toBe('2');
    });

    it('by default: ioredis keeps what failed for later, even when it is told not to, and does it', async () => {
      const naive = new Cluster([{ host: '127.0.0.1', port: proxy.port }], {
        // Its types know that it is in vain.
        redisOptions: { enableOfflineQueue: false, commandTimeout: 100 } as object,
      });
      naive.on('error', () => {});
      await naive.ping();
      await proxy.behave({ kind: 'refuse' });
      const call = naive.set('counter', 'ghost').then(
        () => 'done',
        () => 'failed',
      );
      await proxy.heal();
      await eventually(async () => (await nodes[0]!.command('GET', 'counter')) === 'ghost', {
        timeoutMs: 10_000,
      });
      await call;
      naive.disconnect();
    });

    it('here: what failed never happens', async () => {
      const { line } = await connect(urlOf(proxy));
      await proxy.behave({ kind: 'refuse' });
      await expect(line.run((redis) => redis.set('counter', 'ghost'))).rejects.toThrow();
      await proxy.heal();
      await eventuallyHolds(() => line.run((redis) => redis.set('after', 'it')), { timeoutMs: 10_000 });
      expect(await nodes[0]!.command('GET', 'counter')).toBe('(nil)');
    });
  });
});
