import { once } from 'node:events';
import { connect } from 'node:net';
import { Logger } from '@nestjs/common';
import { redisAddress } from '../../src/config/redis.address.js';
import { readSettings } from '../../src/config/settings.js';
import type { CacheSpace } from '../../src/platform/cache/cache.js';
import { RedisCommons } from '../../src/platform/cache/redis.commons.js';
import { Dependencies } from '../../src/resilience/dependencies.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { describeWithRedis } from '../support/needs.js';

Logger.overrideLogger(false);

// What an outage costs those who use the cache: everything as the service has it, and traffic while it happens.

// Four times the default, so that a machine that is busy with other things cannot blur what is waited for and what is not.
const TIMEOUT_MS = 1_000;
const NOTHING_MS = 400;
const TRAFFIC_MS = 2_500;
const CALLS_PER_S = 200;
const PATIENT = { timeoutMs: 25_000 };

describeWithRedis('An outage of Redis', () => {
  let server: RedisServer;
  let proxy: FaultProxy;
  let commons: RedisCommons;
  let dependencies: Dependencies;
  let space: CacheSpace;

  beforeEach(async () => {
    server = await startRedis({
      args: ['--enable-protected-configs', 'yes', '--enable-debug-command', 'yes'],
    });
    proxy = await FaultProxy.start(server.port);
    const settings = readSettings({ REDIS_COMMAND_TIMEOUT_MS: String(TIMEOUT_MS) });
    dependencies = new Dependencies(settings, new Metrics());
    commons = new RedisCommons({ settings, dependencies }, redisAddress(`redis://127.0.0.1:${proxy.port}`)!);
    await commons.open(AbortSignal.timeout(10_000));
    space = commons.cache.space({ name: 'texts', entriesMax: 1, ttlMs: 60_000 });
    await space.set('a', Buffer.from('one'));
    await eventually(() => commons.dependency.status.observedAt !== null);
  });
  afterEach(async () => {
    await commons.close();
    dependencies.onApplicationShutdown();
    await proxy.stop();
    await server.stop();
  });

  /** Calls at a steady pace, whether or not earlier ones have ended. @returns how long each took, in order of their start */
  const traffic = async (): Promise<number[]> => {
    const calls: Promise<number>[] = [];
    const startMs = performance.now();
    for (let i = 0; performance.now() - startMs < TRAFFIC_MS; i += 1) {
      const startedMs = performance.now();
      const call = i % 3 === 0 ? space.set('b', Buffer.from('two')) : space.get('a');
      calls.push(call.then(() => performance.now() - startedMs));
      await new Promise((resolve) => setTimeout(resolve, 1_000 / CALLS_PER_S));
    }
    return Promise.all(calls);
  };
  const faults: Record<string, { begin(): unknown; end(): unknown }> = {
    'is killed': { begin: () => server.kill(), end: () => server.start() },
    'is stopped (SIGSTOP)': { begin: () => server.pause(), end: () => server.resume() },
    'falls silent on the line': { begin: () => proxy.behave({ kind: 'hang' }), end: () => proxy.heal() },
    'accepts and says nothing': {
      begin: () => proxy.behave({ kind: 'black_hole' }),
      end: () => proxy.heal(),
    },
    'resets every call': {
      begin: () => proxy.behave({ kind: 'reset', on: 'established' }),
      end: () => proxy.heal(),
    },
    refuses: { begin: () => proxy.behave({ kind: 'refuse' }), end: () => proxy.heal() },
    'is slower than anybody waits': {
      begin: () => proxy.behave({ kind: 'latency', ms: 2 * TIMEOUT_MS }),
      end: () => proxy.heal(),
    },
  };

  const isUpAgain = () =>
    eventuallyHolds(async () => {
      await space.set('b', Buffer.from('two'));
      expect(await space.get('b')).toEqual(Buffer.from('two'));
      expect(commons.dependency.status.state).toBe('up');
    }, PATIENT);

  it.each(Object.keys(faults))(
    'costs ten calls their time limit at most, and the others nothing: it %s',
    async (name) => {
      await faults[name]!.begin();
      const tookMs = await traffic();
      // `npm run chaos` has the times.
      expect(tookMs.filter((ms) => ms > TIMEOUT_MS / 5 + NOTHING_MS).length).toBeLessThanOrEqual(10);
      // Until it is known that it is sick, some fail at once: how many, is for the machine to say.
      expect(commons.dependency.statistics.counts.refused).toBeGreaterThan(tookMs.length / 4);
      expect(Math.max(...tookMs)).toBeLessThan(2 * TIMEOUT_MS);
      expect(commons.dependency.status.state).toBe('degraded');
      await faults[name]!.end();
      await isUpAgain();
      // One state each way, however many errors there were.
      expect(dependencies.changes().map(({ to }) => to)).toEqual(['up', 'degraded']);
    },
  );

  it('costs a hundred callers at once what it costs ten: the others are let go early', async () => {
    server.pause();
    const startMs = performance.now();
    const tookMs = await Promise.all(
      Array.from({ length: 100 }, () => space.get('a').then(() => performance.now() - startMs)),
    );
    expect(tookMs.filter((ms) => ms > TIMEOUT_MS / 5 + NOTHING_MS)).toHaveLength(10);
    server.resume();
  });

  // Those that it says in words: the connection stands, or is refused for a reason.
  const refusals: Record<
    string,
    { reason: string; begin: () => Promise<unknown>; end: () => Promise<unknown> }
  > = {
    'has no memory left': {
      reason: 'storage_full',
      begin: () => server.command('CONFIG', 'SET', 'maxmemory', '1'),
      end: () => server.command('CONFIG', 'SET', 'maxmemory', '0'),
    },
    'cannot write its file': {
      reason: 'storage_full',
      begin: async () => {
        await server.command('CONFIG', 'SET', 'dir', '/proc');
        await server.command('CONFIG', 'SET', 'save', '3600 1');
        await server.command('BGSAVE');
        await eventually(async () => (await server.command('SET', 'x', 'y')).startsWith('-MISCONF'));
      },
      end: () => server.command('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no'),
    },
    'became a replica': {
      reason: 'read_only',
      begin: () => server.command('REPLICAOF', '127.0.0.1', server.port),
      end: () => server.command('REPLICAOF', 'NO', 'ONE'),
    },
    'asks for a password': {
      reason: 'unauthorized',
      begin: async () => {
        await server.command('CONFIG', 'SET', 'requirepass', 'secret');
        proxy.cut();
      },
      end: () => server.start(),
    },
    'takes no further clients': {
      reason: 'overloaded',
      begin: async () => {
        const taken = connect(server.port, '127.0.0.1');
        taken.on('error', () => {}); // it ends with the server
        await once(taken, 'connect');
        await server.command('CONFIG', 'SET', 'maxclients', '1');
        proxy.cut();
      },
      end: () => server.start(),
    },
    'is still loading': {
      reason: 'overloaded',
      begin: async () => {
        // For forty seconds, or until it is started anew: whoever comes late, because it went a moment ago, sees it still.
        await server.command('DEBUG', 'POPULATE', '20000');
        await server.command('SAVE');
        await server.start(['--key-load-delay', '2000', '--loading-process-events-interval-bytes', '1024']);
      },
      end: () => server.start(),
    },
  };

  it.each(Object.keys(refusals))('has its reason named, and fails nobody: it %s', async (name) => {
    const { reason, begin, end } = refusals[name]!;
    await begin();
    await eventuallyHolds(async () => {
      await space.set('b', Buffer.from('two'));
      expect(commons.dependency.status).toMatchObject({ state: 'degraded', reason });
    }, PATIENT);
    await end();
    await eventuallyHolds(async () => {
      // What the sampler does in the background.
      await commons.dependency.check(1_000).then(
        () => commons.dependency.observe(undefined),
        (error) => commons.dependency.observe(error),
      );
      expect(commons.dependency.status.state).toBe('up');
    }, PATIENT);
    await isUpAgain();
  });
});
