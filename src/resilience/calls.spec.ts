import { jest } from '@jest/globals';
import { circuit, dependencyOf, never, refuse, Refused } from '../../test/support/dependency.js';
import { Deadline } from '../kernel/deadline.js';
import { RequestContext } from '../telemetry/request.context.js';
import { childOf } from '../telemetry/trace.context.js';
import type { Fault } from './dependency-error.js';
import { type Grant, type Level, Limits } from './limits.js';

const tick = () => jest.advanceTimersByTimeAsync(0);
const context = () => new RequestContext('id', childOf(undefined));
const caught = (promise: Promise<unknown>) => promise.catch((e: unknown) => e);

describe('A call', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  describe('that may be repeated', () => {
    it('is repeated within the budget of its dependency alone: a dead one is not multiplied', async () => {
      const dependency = dependencyOf({
        circuit: { ...circuit, consecutiveFaults: 1_000, windowCalls: 10_000 },
      });
      const work = jest.fn(refuse);
      const calls = Array.from({ length: 100 }, () =>
        caught(dependency.call('get', work, { idempotent: true })),
      );
      await jest.advanceTimersByTimeAsync(5_000);
      await Promise.all(calls);
      expect(work).toHaveBeenCalledTimes(120);
      expect(dependency.statistics).toMatchObject({ retries: 20 });
      expect(dependency.statistics.retriesRefused).toBeGreaterThan(0);
    });

    it('waits as long as it was asked to, where that fits its deadline', async () => {
      const later: Fault = { reason: 'rate_limited', transient: true, retryAfterMs: 3_000, counts: false };
      const dependency = dependencyOf({ classify: () => later });
      const work = jest.fn<() => Promise<string>>().mockImplementationOnce(refuse).mockResolvedValue('x');
      const result = new Deadline(10_000).run(() => dependency.call('get', work, { idempotent: true }));
      await jest.advanceTimersByTimeAsync(2_999);
      expect(work).toHaveBeenCalledTimes(1);
      await jest.advanceTimersByTimeAsync(1);
      await expect(result).resolves.toBe('x');
    });

    it('is tried once and three times more in the background, after about 2, 4 and 8 seconds', async () => {
      const dependency = dependencyOf();
      const triedAt: number[] = [];
      const began = performance.now();
      const work = () => {
        triedAt.push(performance.now() - began);
        return refuse();
      };
      const failure = caught(
        new Deadline(3_600_000, 'background').run(() => dependency.call('get', work, { idempotent: true })),
      );
      await jest.advanceTimersByTimeAsync(30_000);
      expect(await failure).toMatchObject({ reason: 'unreachable' });
      const waits = triedAt.slice(1).map((at, i) => at - triedAt[i]!);
      expect(waits).toHaveLength(3);
      for (const [i, about] of [2_000, 4_000, 8_000].entries()) {
        expect(waits[i]).toBeGreaterThanOrEqual(0.75 * about);
        expect(waits[i]).toBeLessThanOrEqual(Math.min(10_000, 1.25 * about));
      }
    });
  });

  describe('to a dependency that takes so many at once', () => {
    const work = () => {
      let finish = () => {};
      const done = new Promise<void>((resolve) => (finish = resolve));
      return { call: jest.fn(() => done), finish: () => finish() };
    };

    it('waits for a place, and goes out when there is one', async () => {
      const dependency = dependencyOf({ concurrencyMax: 1 });
      const [first, second] = [work(), work()];
      const a = dependency.call('get', first.call);
      const b = dependency.call('get', second.call);
      await tick();
      expect(second.call).not.toHaveBeenCalled();
      expect(dependency.concurrency).toEqual({ max: 1, inUse: 1, waiting: 1 });
      first.finish();
      second.finish();
      await Promise.all([a, b]);
      expect(dependency.concurrency).toEqual({ max: 1, inUse: 0, waiting: 0 });
    });

    it('says as a part of its request how long it waited, where it had to', async () => {
      const dependency = dependencyOf({ concurrencyMax: 1, part: 'llm' });
      const [before, one, two] = [work(), context(), context()];
      const a = one.run(() => dependency.call('get', before.call));
      const b = two.run(() => dependency.call('get', async () => {}));
      await jest.advanceTimersByTimeAsync(40);
      before.finish();
      await Promise.all([a, b]);
      expect(one.timings.header()).toMatch(/^llm;dur=40/);
      expect(two.timings.header()).toMatch(/^queue;dur=40/);
    });

    it('waits no longer than its deadline, which counts as nobody’s fault', async () => {
      const dependency = dependencyOf({ concurrencyMax: 1, circuit: { ...circuit, consecutiveFaults: 1 } });
      void dependency.call('get', never, { timeoutMs: 60_000 });
      const late = caught(new Deadline(100).run(() => dependency.call('get', refuse)));
      await jest.advanceTimersByTimeAsync(100);
      expect(await late).toMatchObject({ name: 'DeadlineExceeded' });
      expect(dependency.circuit.at).toBe('closed');
    });

    it('is refused as overloaded when as many wait as may, or when it waited as long as a try may take', async () => {
      const dependency = dependencyOf({ concurrencyMax: 1 });
      void dependency.call('get', never, { timeoutMs: 60_000 });
      const waiting = Array.from({ length: 10 }, () => caught(dependency.call('get', refuse)));
      await tick();
      expect(await caught(dependency.call('get', refuse))).toMatchObject({
        reason: 'overloaded',
        counts: false,
      });
      await jest.advanceTimersByTimeAsync(1_000);
      for (const call of waiting) expect(await call).toMatchObject({ reason: 'overloaded' });
      expect(dependency.statistics.counts.refused).toBe(11);
    });

    it('is refused when the circuit opens while it waits, at once and not when its turn would come', async () => {
      const dependency = dependencyOf({ concurrencyMax: 1, circuit: { ...circuit, consecutiveFaults: 1 } });
      const first = caught(
        dependency.call('get', () => new Promise((_, no) => setTimeout(no, 10, new Refused()))),
      );
      const second = work();
      const waiting = caught(dependency.call('get', second.call));
      await jest.advanceTimersByTimeAsync(10);
      expect(await first).toMatchObject({ reason: 'unreachable' });
      expect(await waiting).toMatchObject({ reason: 'circuit_open' });
      expect(second.call).not.toHaveBeenCalled();
      dependency.stop();
    });
  });

  describe('to a provider that allows so much a minute', () => {
    class Answering extends Limits {
      constructor(private readonly answer: () => Grant) {
        super();
      }
      take(): Promise<Grant & Level> {
        return Promise.resolve({ left: 0, fullInMs: 0, ...this.answer() });
      }
    }
    const paced = (answer: () => Grant, more = {}) =>
      dependencyOf({
        pace: {
          limits: new Answering(answer),
          allowances: [{ name: 'thing', rate: { amount: 30, perMs: 60_000 }, spends: 'request' }],
        },
        ...more,
      });

    it('waits for its turn', async () => {
      const grants: Grant[] = [{ granted: false, waitMs: 700 }, { granted: true }];
      const result = paced(() => grants.shift()!).call('get', () => Promise.resolve('x'));
      await jest.advanceTimersByTimeAsync(700);
      await expect(result).resolves.toBe('x');
    });

    it('moves on at once when its turn would come after its deadline, and says when it would', async () => {
      const dependency = paced(() => ({ granted: false, waitMs: 20_000 }));
      const work = jest.fn(() => Promise.resolve());
      const refused = new Deadline(5_000).run(() => dependency.call('get', work, { idempotent: true }));
      await expect(refused).rejects.toMatchObject({
        reason: 'rate_limited',
        retryAfterMs: 20_000,
        counts: false,
      });
      expect(work).not.toHaveBeenCalled();
    });

    it('takes its turn before its place, so that nobody waits in a place', async () => {
      const grants: Grant[] = [{ granted: false, waitMs: 500 }];
      const dependency = paced(() => grants.shift() ?? { granted: true }, { concurrencyMax: 1 });
      const first = dependency.call('get', () => Promise.resolve(1));
      await expect(dependency.call('get', () => Promise.resolve(2))).resolves.toBe(2);
      await jest.advanceTimersByTimeAsync(500);
      await expect(first).resolves.toBe(1);
    });

    it('is refused when the circuit opened while it waited for its turn', async () => {
      const grants: Grant[] = [{ granted: false, waitMs: 500 }];
      const dependency = paced(() => grants.shift() ?? { granted: true });
      const waiting = caught(dependency.call('get', () => Promise.resolve(1)));
      await tick();
      dependency.isolate();
      await jest.advanceTimersByTimeAsync(500);
      expect(await waiting).toMatchObject({ reason: 'isolated' });
    });
  });

  it('that meets a limit with a date closes the door until then, and names the reason to those who come meanwhile', async () => {
    const limited: Fault = {
      reason: 'rate_limited',
      transient: false,
      retryAfterMs: 30_000,
      suspendMs: 30_000,
    };
    const check = jest.fn(() => Promise.resolve());
    const dependency = dependencyOf({ classify: () => limited, check });
    await caught(dependency.call('get', refuse));
    expect(dependency.status).toMatchObject({ state: 'degraded', reason: 'rate_limited' });
    await jest.advanceTimersByTimeAsync(10_000);
    const work = jest.fn(() => Promise.resolve());
    expect(await caught(dependency.call('get', work))).toMatchObject({
      reason: 'rate_limited',
      retryAfterMs: 20_000,
    });
    await jest.advanceTimersByTimeAsync(20_000);
    await dependency.call('get', work);
    expect(work).toHaveBeenCalledTimes(1);
    expect(check).not.toHaveBeenCalled();
  });

  it('ends when its share of the request’s time is up, and leaves the rest to others', async () => {
    const dependency = dependencyOf({ circuit: { ...circuit, consecutiveFaults: 1 } });
    const deadline = new Deadline(10_000);
    const cut = caught(
      deadline.run(() => dependency.call('get', never, { withinMs: 300, timeoutMs: 5_000 })),
    );
    await jest.advanceTimersByTimeAsync(300);
    expect(await cut).toMatchObject({ reason: 'timeout', counts: false });
    expect(deadline.remainingMs()).toBe(9_700);
    expect(dependency.circuit.at).toBe('closed');
    deadline.release();
  });

  it('has its share of the time also where no request waits for it', async () => {
    const cut = caught(dependencyOf().call('get', never, { withinMs: 300, timeoutMs: 5_000 }));
    await jest.advanceTimersByTimeAsync(300);
    expect(await cut).toMatchObject({ reason: 'timeout' });
  });

  describe('that finds no connection left', () => {
    const full: Fault = { reason: 'pool_exhausted', transient: true, counts: false };
    const crowded = () =>
      dependencyOf({ classify: (error) => (error instanceof Refused ? full : undefined) });
    /** Refused ten times, as far as it is asked. */
    const work = () => {
      let asked = 0;
      return () => ((asked += 1) <= 10 ? refuse() : Promise.resolve('stored'));
    };

    it('waits for one where much would be lost with it, as long as the request has time', async () => {
      const stored = new Deadline(30_000).run(() => crowded().call('store', work(), { patient: true }));
      await jest.advanceTimersByTimeAsync(20_000);
      await expect(stored).resolves.toBe('stored');
      const late = caught(new Deadline(300).run(() => crowded().call('store', work(), { patient: true })));
      await jest.advanceTimersByTimeAsync(300);
      expect(await late).toMatchObject({ reason: 'pool_exhausted' });
    });

    it('fails at once otherwise, and where nobody says how long it may take', async () => {
      const asked = new Deadline(30_000).run(() => caught(crowded().call('store', work())));
      expect(await asked).toMatchObject({ reason: 'pool_exhausted' });
      const endless = caught(crowded().call('store', work(), { patient: true }));
      expect(await endless).toMatchObject({ reason: 'pool_exhausted' });
    });

    it('waits for nothing else', async () => {
      const failed = new Deadline(30_000).run(() =>
        caught(dependencyOf().call('store', refuse, { patient: true })),
      );
      expect(await failed).toMatchObject({ reason: 'unreachable' });
    });
  });

  it('that this process has slept through is held against nobody', async () => {
    const dependency = dependencyOf({ circuit: { ...circuit, consecutiveFaults: 1 }, timeoutMs: 1_000 });
    const cut = caught(dependency.call('get', never));
    await tick();
    const nowMs = performance.now();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(nowMs + 1_600);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await cut).toMatchObject({ reason: 'timeout', counts: false });
    expect(dependency.circuit.at).toBe('closed');
    clock.mockRestore();
    const late = caught(dependency.call('get', never));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await late).toMatchObject({ reason: 'timeout', counts: true });
    expect(dependency.circuit.at).toBe('open');
  });

  describe('to a dependency that hangs', () => {
    const hanging = (check: () => Promise<void>) =>
      dependencyOf({ timeoutMs: 30_000, doubtMs: 350, check, concurrencyMax: 5 });

    it('is cut off within a second with all others, and the circuit opens', async () => {
      const dependency = hanging(never);
      const calls = Array.from({ length: 8 }, () =>
        caught(dependency.call('get', never, { idempotent: true })),
      );
      await jest.advanceTimersByTimeAsync(900);
      expect(dependency.circuit).toMatchObject({ at: 'open', reason: 'hung' });
      expect(dependency.lastError).toMatchObject({ reason: 'hung' });
      await jest.advanceTimersByTimeAsync(100);
      const failures = await Promise.all(calls);
      expect(failures.every((e) => ['hung', 'circuit_open'].includes((e as { reason: string }).reason))).toBe(
        true,
      );
      dependency.stop();
    });

    it('goes on where it takes long only because it is much', async () => {
      const dependency = hanging(() => Promise.resolve());
      const call = dependency.call(
        'get',
        () => new Promise((resolve) => setTimeout(resolve, 20_000, 'much')),
      );
      await jest.advanceTimersByTimeAsync(20_000);
      await expect(call).resolves.toBe('much');
      dependency.stop();
    });

    it('goes on where the check fails for a reason of its own', async () => {
      const dependency = hanging(() => Promise.reject(new Error('a bug')));
      const call = dependency.call('get', () => new Promise((resolve) => setTimeout(resolve, 5_000, 'x')));
      await jest.advanceTimersByTimeAsync(5_000);
      await expect(call).resolves.toBe('x');
      dependency.stop();
    });

    it('ends at once when its caller leaves', async () => {
      const dependency = hanging(never);
      const deadline = new Deadline(10_000);
      const call = caught(deadline.run(() => dependency.call('get', never)));
      await jest.advanceTimersByTimeAsync(100);
      deadline.abandon();
      expect(await call).toMatchObject({ name: 'CallerGone' });
      expect(dependency.circuit.at).toBe('closed');
      dependency.stop();
    });
  });
});
