import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { CallerGone, Deadline } from '../../src/kernel/deadline.js';
import { GuardedLimits } from '../../src/platform/cache/guarded.limits.js';
import { MemoryLimits } from '../../src/platform/cache/memory.limits.js';
import { redisFault } from '../../src/platform/cache/redis.faults.js';
import { RedisLimits } from '../../src/platform/cache/redis.limits.js';
import type { Limits, Rate } from '../../src/resilience/limits.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { newDependency } from '../support/guard.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { describeWithRedis } from '../support/needs.js';
import { limitsContract } from './limits.suite.js';
import { type Connected, connected } from './redis.setup.js';

Logger.overrideLogger(false);

const HOUR: Rate = { amount: 30, perMs: 3_600_000 };
const never = { adapter: 'redis', traits: { durable: true, shared: true }, check: () => Promise.resolve() };

describeWithRedis('Limits in Redis', () => {
  let server: RedisServer;
  const open: Connected[] = [];

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(() => server.command('FLUSHALL'));
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  const connect = async (url = server.url, timeoutMs?: number) => {
    const one = await connected(url, timeoutMs);
    open.push(one);
    return one;
  };
  const guarded = async (replicas: number, nowMs?: () => number, url?: string, timeoutMs?: number) => {
    const { line } = await connect(url, timeoutMs);
    const alone = new MemoryLimits(replicas, nowMs);
    return new GuardedLimits(new RedisLimits(line), alone, newDependency(never, redisFault));
  };
  /** Takes so much time from every bucket: the server's clock cannot be moved. */
  const pass = async (ms: number) => {
    const { line, close } = await connected(server.url);
    for (const key of await line.run((redis) => redis.keys('mainstay:limits:*'))) {
      const earlier = BigInt((await line.run((redis) => redis.get(key)))!) - BigInt(Math.floor(ms * 1_000));
      await line.run((redis) => redis.set(key, String(earlier), 'KEEPTTL'));
    }
    close();
  };
  const spend = async (limits: Limits, times: number) => {
    const grants = await Promise.all(Array.from({ length: times }, () => limits.take('calls', HOUR, 1)));
    return grants.filter(({ granted }) => granted).length;
  };

  limitsContract('redis', async () => ({ limits: new RedisLimits((await connect()).line), pass }));
  limitsContract('redis, guarded', async () => ({ limits: await guarded(1), pass }));

  limitsContract('redis, guarded, during an outage', async () => {
    let nowMs = 0;
    const limits = await guarded(1, () => nowMs);
    await server.kill();
    return { limits, pass: (ms) => void (nowMs += ms), end: () => server.start() };
  });

  it('grants four replicas at once together what it grants one, and not one call more', async () => {
    const replicas = await Promise.all(Array.from({ length: 4 }, () => guarded(4)));
    const granted = await Promise.all(replicas.map((limits) => spend(limits, 50)));
    expect(granted.reduce((sum, n) => sum + n)).toBe(HOUR.amount);
  });

  it('grants any number of replicas, whatever the rate, no more than the amount and what flows in meanwhile', async () => {
    const rates = fc.record({
      amount: fc.integer({ min: 1, max: 50 }),
      perMs: fc.integer({ min: 100, max: 400 }),
    });
    let bucket = 0;
    await fc.assert(
      fc.asyncProperty(rates, fc.integer({ min: 1, max: 4 }), async (rate, count) => {
        const replicas = await Promise.all(Array.from({ length: count }, () => guarded(count)));
        const name = `calls ${(bucket += 1)}`;
        const startMs = performance.now();
        const endMs = startMs + 1.5 * rate.perMs;
        const granted = await Promise.all(
          replicas.map(async (limits) => {
            let mine = 0;
            while (performance.now() < endMs) if ((await limits.take(name, rate, 1)).granted) mine += 1;
            return mine;
          }),
        );
        const flowed = ((performance.now() - startMs) / rate.perMs) * rate.amount;
        const sum = granted.reduce((all, n) => all + n);
        expect(sum).toBeLessThanOrEqual(rate.amount + flowed + 1);
        expect(sum).toBeGreaterThanOrEqual(rate.amount);
      }),
      { numRuns: 5 },
    );
  });

  it('grants, without the server, each replica its share: together the same as before', async () => {
    const replicas = await Promise.all(Array.from({ length: 3 }, () => guarded(3)));
    await server.kill();
    expect(await Promise.all(replicas.map((limits) => spend(limits, 50)))).toEqual([10, 10, 10]);
    expect(replicas.map(({ shared }) => shared)).toEqual([false, false, false]);
    await server.start();
  });

  it('gives nobody his share again for having lost the others, and counts together again when they are back', async () => {
    const limits = await guarded(3);
    expect(await spend(limits, 8)).toBe(8);
    await server.kill();
    expect(await spend(limits, 50)).toBe(2);
    await server.start();
    await eventually(async () => (await limits.take('probe', HOUR, 1), limits.shared));
    // A server that was started anew has forgotten: the whole is there once more.
    expect(await spend(limits, 50)).toBe(30);
  });

  it('wastes a token whose reply was lost, and grants it at most once', async () => {
    const proxy = await FaultProxy.start(server.port);
    const limits = await guarded(1, undefined, `redis://127.0.0.1:${proxy.port}`);
    await proxy.behave({ kind: 'lose_reply', to: /eval/i, every: 1 });
    // Counted there, and not known here; so counted here as well, and granted by that.
    expect(await limits.take('calls', HOUR, 1)).toMatchObject({ granted: true });
    expect(limits.shared).toBe(false);
    await proxy.heal();
    await eventually(async () => (await limits.take('probe', HOUR, 1), limits.shared));
    expect(await spend(limits, 50)).toBe(HOUR.amount - 1);
    await proxy.stop();
  });

  it('waits for no clock that was set back: a bucket is never emptier than empty', async () => {
    const limits = await guarded(1);
    await limits.take('calls', HOUR, 1);
    // As if it had been written by a server whose clock is a day ahead.
    await pass(-86_400_000);
    const refused = await limits.take('calls', HOUR, 1);
    expect(refused.granted).toBe(false);
    expect((refused as { waitMs: number }).waitMs).toBeLessThanOrEqual(HOUR.perMs / HOUR.amount);
  });

  it('leaves nothing behind: a bucket is gone when it is full again', async () => {
    const limits = new RedisLimits((await connect()).line);
    await limits.take('brief', { amount: 1, perMs: 50 }, 1);
    await eventuallyHolds(async () => expect(await server.command('DBSIZE')).toBe(':0'));
  });

  it('answers a caller whose time is up: by the share', async () => {
    const limits = await guarded(1, undefined, undefined, 60_000);
    server.pause();
    const deadline = new Deadline(50);
    try {
      await expect(deadline.run(() => limits.take('calls', HOUR, 1))).resolves.toMatchObject({
        granted: true,
      });
    } finally {
      deadline.release();
      server.resume();
    }
    const gone = new Deadline(60_000);
    gone.abandon(new CallerGone());
    await expect(gone.run(() => limits.take('calls', HOUR, 1))).resolves.toMatchObject({ granted: true });
  });

  it('hides no mistake of ours', async () => {
    const mistake = new TypeError('not a function');
    const broken = { take: () => Promise.reject(mistake) } as Limits;
    const limits = new GuardedLimits(broken, new MemoryLimits(1), newDependency(never, redisFault));
    await expect(limits.take('calls', HOUR, 1)).rejects.toBe(mistake);
  });
});
