import { jest } from '@jest/globals';
import {
  BrokenCircuitError,
  CircuitState as Naked,
  ConsecutiveBreaker,
  ConstantBackoff,
  SamplingBreaker,
  TimeoutStrategy,
  bulkhead,
  circuitBreaker,
  handleAll,
  handleWhen,
  retry,
  timeout,
  wrap,
} from 'cockatiel';
import {
  circuit,
  dependencyOf as anyDependency,
  never,
  refuse,
  Refused,
} from '../../test/support/dependency.js';
import { CallerGone, Deadline } from '../kernel/deadline.js';
import { Bulkhead } from './bulkhead.js';
import type { DependencyOptions } from './dependency.js';
import type { Fault } from './dependency-error.js';
import { attempt, AttemptTimeout, Tripwire } from './policy.js';

// What cockatiel 4 does when it is used as it is, and what a caller of ours sees instead. Each test runs both.

// The first fault opens the circuit of ours, as it does that of the naked ones.
const dependencyOf = (options: Partial<DependencyOptions> = {}) =>
  anyDependency({ circuit: { ...circuit, consecutiveFaults: 1 }, timeoutMs: 60_000, ...options });

const nakedBreaker = (halfOpenAfter = 1_000) =>
  circuitBreaker(handleAll, { halfOpenAfter, breaker: new ConsecutiveBreaker(1) });

/** How long a promise takes to settle, as the fake clock counts; undefined while it has not. */
function stopwatch(promise: Promise<unknown>): { tookMs(): number | undefined } {
  const startedMs = performance.now();
  let tookMs: number | undefined;
  const settled = () => void (tookMs = Math.round(performance.now() - startedMs));
  promise.then(settled, settled);
  return { tookMs: () => tookMs };
}

describe('The pitfalls of the naked policies', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('C1: a caller waits behind the probe, deaf to its own abort; ours is refused at once', async () => {
    const naked = nakedBreaker();
    await naked.execute(refuse).catch(() => {});
    await jest.advanceTimersByTimeAsync(1_000);
    void naked.execute(() => new Promise((resolve) => setTimeout(resolve, 1_500)));
    const caller = new AbortController();
    const waiting = stopwatch(naked.execute(() => {}, caller.signal));
    caller.abort();
    await jest.advanceTimersByTimeAsync(1_400);
    expect(waiting.tookMs()).toBeUndefined();

    const check = jest.fn(never);
    const dependency = dependencyOf({ check });
    await dependency.call('get', refuse).catch(() => {});
    await jest.advanceTimersByTimeAsync(1_000);
    expect(dependency.circuit.at).toBe('half_open');
    await expect(dependency.call('get', () => Promise.resolve())).rejects.toMatchObject({
      reason: 'circuit_open',
    });
    expect(check).toHaveBeenCalledTimes(1);
  });

  it('C2: a call that began before the break re-opens what a probe is healing; ours says nothing any more', async () => {
    const naked = nakedBreaker();
    let failLate: (error: Error) => void = () => {};
    const late = naked.execute(() => new Promise((_, reject) => (failLate = reject))).catch(() => {});
    await naked.execute(refuse).catch(() => {});
    await jest.advanceTimersByTimeAsync(1_000);
    void naked.execute(never);
    expect(naked.state).toBe(Naked.HalfOpen);
    failLate(new Refused('late'));
    await late;
    expect(naked.state).toBe(Naked.Open);

    let heal = () => {};
    const dependency = dependencyOf({ check: () => new Promise((resolve) => (heal = resolve)) });
    let failOurs: (error: Error) => void = () => {};
    const ours = dependency
      .call('get', () => new Promise((_, reject) => (failOurs = reject)))
      .catch(() => {});
    await dependency.call('get', refuse).catch(() => {});
    await jest.advanceTimersByTimeAsync(1_000);
    failOurs(new Refused('late'));
    await ours;
    expect(dependency.circuit.at).toBe('half_open');
    heal();
    await jest.advanceTimersByTimeAsync(0);
    expect(dependency.circuit.at).toBe('closed');
  });

  it('C3: an error that is not handled closes the circuit from half-open; ours is closed by a probe alone', async () => {
    const gone = new CallerGone();
    const policy = handleWhen((error) => error !== gone);
    const naked = circuitBreaker(policy, { halfOpenAfter: 1_000, breaker: new ConsecutiveBreaker(1) });
    await naked.execute(refuse).catch(() => {});
    await jest.advanceTimersByTimeAsync(1_000);
    await naked.execute(() => Promise.reject(gone)).catch(() => {});
    expect(naked.state).toBe(Naked.Closed);

    const dependency = dependencyOf({ check: () => Promise.reject(new Refused('still down')) });
    await dependency.call('get', refuse).catch(() => {});
    await jest.advanceTimersByTimeAsync(1_000);
    await dependency.call('get', () => Promise.reject(gone)).catch(() => {});
    expect(dependency.circuit.at).toBe('open');
  });

  it('C4: impatient clients open the circuit for all; ours does not count them', async () => {
    const naked = circuitBreaker(handleAll, { halfOpenAfter: 1_000, breaker: new ConsecutiveBreaker(5) });
    for (let i = 0; i < 5; i += 1)
      await naked.execute(() => Promise.reject(new CallerGone())).catch(() => {});
    expect(naked.state).toBe(Naked.Open);

    const dependency = dependencyOf();
    for (let i = 0; i < 5; i += 1) {
      const deadline = new Deadline(60_000);
      const call = deadline.run(() => dependency.call('get', never)).catch((e: unknown) => e);
      deadline.abandon();
      expect(await call).toBeInstanceOf(CallerGone);
    }
    expect(dependency.circuit.at).toBe('closed');
  });

  it('C5: a clock set back an hour keeps the circuit open for that hour; ours takes the time from a clock that nobody sets', async () => {
    const naked = nakedBreaker();
    const dependency = dependencyOf();
    await naked.execute(refuse).catch(() => {});
    await dependency.call('get', refuse).catch(() => {});
    jest.setSystemTime(Date.now() - 3_600_000);
    await jest.advanceTimersByTimeAsync(2_000);
    await expect(naked.execute(() => 'well again')).rejects.toThrow(BrokenCircuitError);
    await expect(dependency.call('get', () => Promise.resolve('well again'))).resolves.toBe('well again');
  });

  it('C6: a retry sleeps on after the abort and then calls again; ours ends at once and calls no more', async () => {
    const patient = retry(handleAll, { maxAttempts: 1, backoff: new ConstantBackoff(1_000) });
    const caller = new AbortController();
    const nakedWork = jest.fn(refuse);
    const naked = stopwatch(patient.execute(nakedWork, caller.signal));
    await jest.advanceTimersByTimeAsync(100);
    caller.abort();
    await jest.advanceTimersByTimeAsync(900);
    expect(naked.tookMs()).toBe(1_000);
    expect(nakedWork).toHaveBeenCalledTimes(2);

    const later: Fault = { reason: 'rate_limited', transient: true, retryAfterMs: 1_000, counts: false };
    const dependency = dependencyOf({ classify: () => later });
    const deadline = new Deadline(60_000);
    const work = jest.fn(refuse);
    const ours = stopwatch(deadline.run(() => dependency.call('get', work, { idempotent: true })));
    await jest.advanceTimersByTimeAsync(100);
    deadline.abandon();
    await jest.advanceTimersByTimeAsync(900);
    expect(ours.tookMs()).toBe(100);
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('C7: a timeout aborts the signal after a success, and a stream that was returned dies; ours leaves it alone', async () => {
    const naked = timeout(1_000, TimeoutStrategy.Aggressive);
    const theirs = await naked.execute(({ signal }) => signal);
    expect(theirs.aborted).toBe(true);
    const ours = await attempt((signal) => Promise.resolve(signal), 1_000, undefined);
    expect(ours.aborted).toBe(false);
  });

  it('C8: a cooperative timeout never ends work that ignores its signal; ours does', async () => {
    const naked = stopwatch(timeout(100, TimeoutStrategy.Cooperative).execute(never));
    const ours = attempt(never, 100, undefined).catch((e: unknown) => e);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(naked.tookMs()).toBeUndefined();
    expect(await ours).toBeInstanceOf(AttemptTimeout);
  });

  it('C9: a caller in the queue of a bulkhead is deaf to its abort; ours leaves the queue at once', async () => {
    const naked = bulkhead(1, 1);
    let free = () => {};
    void naked.execute(() => new Promise<void>((resolve) => (free = resolve)));
    const caller = new AbortController();
    const theirs = stopwatch(naked.execute(() => {}, caller.signal));
    caller.abort();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(theirs.tookMs()).toBeUndefined();
    free();

    const bulk = new Bulkhead(1, 1);
    await bulk.enter(60_000, undefined);
    const ours = stopwatch(bulk.enter(60_000, caller.signal));
    await jest.advanceTimersByTimeAsync(0);
    expect(ours.tookMs()).toBe(0);
    expect(bulk.waiting).toBe(0);
  });

  it('C10: a retry around an open circuit sleeps before it says so; ours says so at once', async () => {
    const breaker = nakedBreaker(60_000);
    await breaker.execute(refuse).catch(() => {});
    const patient = wrap(retry(handleAll, { maxAttempts: 2, backoff: new ConstantBackoff(300) }), breaker);
    const theirs = stopwatch(patient.execute(() => {}));
    const dependency = dependencyOf();
    await dependency.call('get', refuse).catch(() => {});
    const ours = stopwatch(dependency.call('get', () => Promise.resolve(), { idempotent: true }));
    await jest.advanceTimersByTimeAsync(600);
    expect(theirs.tookMs()).toBe(600);
    expect(ours.tookMs()).toBe(0);
    dependency.stop();
  });

  it('C11: two faults ten minutes apart open a sampling breaker of two seconds; ours forgets what is long past', async () => {
    const naked = circuitBreaker(handleAll, {
      halfOpenAfter: 1_000,
      breaker: new SamplingBreaker({ threshold: 0.5, duration: 2_000, minimumRps: 1 }),
    });
    await naked.execute(refuse).catch(() => {});
    expect(naked.state).toBe(Naked.Closed);
    await jest.advanceTimersByTimeAsync(600_000);
    await naked.execute(refuse).catch(() => {});
    expect(naked.state).toBe(Naked.Open);

    const tripwire = new Tripwire(100, 4);
    const half = () => {
      tripwire.success();
      return tripwire.fault();
    };
    expect(half()).toBeUndefined();
    await jest.advanceTimersByTimeAsync(600_000);
    expect(half()).toBeUndefined();
    expect(half()).toBeUndefined();
    expect(half()).toBe('rate');
  });
});
