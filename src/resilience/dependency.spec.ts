import { jest } from '@jest/globals';
import { CallerGone, Deadline, DeadlineExceeded } from '../kernel/deadline.js';
import { Dependency, type DependencyOptions } from './dependency.js';
import { DependencyError, type Fault } from './dependency-error.js';

class Refused extends Error {}
class WrongPassword extends Error {}

const classify = (error: unknown): Fault | undefined => {
  if (error instanceof Refused) return { reason: 'unreachable', transient: true };
  if (error instanceof WrongPassword) return { reason: 'unauthorized', transient: false };
  return undefined;
};

function dependencyOf(
  options: Partial<DependencyOptions> = {},
  onChange?: ConstructorParameters<typeof Dependency>[1],
) {
  return new Dependency(
    {
      name: 'thing',
      criticality: 'optional',
      adapter: 'fake',
      traits: { durable: true, shared: false },
      classify,
      check: () => Promise.resolve(),
      timeoutMs: 1_000,
      circuit: { consecutiveFaults: 5, windowCalls: 100, backoffMinMs: 1_000, backoffMaxMs: 60_000 },
      ...options,
    },
    onChange,
  );
}

const refuse = () => Promise.reject(new Refused('connection refused'));
const never = () => new Promise<never>(() => {});

describe('Dependency.call', () => {
  it('returns what the work returns and counts it', async () => {
    const dependency = dependencyOf();
    await expect(dependency.call('get', () => Promise.resolve('x'))).resolves.toBe('x');
    expect(dependency.statistics.counts).toMatchObject({ ok: 1, fault: 0 });
    expect(dependency.statistics.latencies()).toBeDefined();
  });

  it('names dependency, operation and reason, and keeps the cause', async () => {
    const failure = await dependencyOf()
      .call('get', refuse)
      .catch((e: unknown) => e);
    expect(failure).toBeInstanceOf(DependencyError);
    expect(failure).toMatchObject({
      dependency: 'thing',
      operation: 'get',
      reason: 'unreachable',
      transient: true,
    });
    expect((failure as Error).cause).toBeInstanceOf(Refused);
  });

  it('passes on what is none of the dependency’s doing, and holds it against nobody', async () => {
    const dependency = dependencyOf({ circuit: { ...circuit, consecutiveFaults: 1 } });
    await expect(dependency.call('get', () => Promise.reject(new TypeError('a bug')))).rejects.toThrow(
      TypeError,
    );
    expect(dependency.circuit.at).toBe('closed');
    expect(dependency.statistics.counts.neutral).toBe(1);
  });

  it('does once what is not idempotent', async () => {
    const work = jest.fn(refuse);
    await expect(dependencyOf().call('insert', work)).rejects.toThrow(DependencyError);
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('tries again what is idempotent, and returns when it succeeds', async () => {
    const dependency = dependencyOf();
    const work = jest.fn<() => Promise<string>>().mockImplementationOnce(refuse).mockResolvedValue('x');
    await expect(dependency.call('get', work, { idempotent: true })).resolves.toBe('x');
    expect(work).toHaveBeenCalledTimes(2);
    expect(dependency.statistics.retries).toBe(1);
  });

  it('gives up after the retries it has', async () => {
    const work = jest.fn(refuse);
    await expect(dependencyOf({ retries: 1 }).call('get', work, { idempotent: true })).rejects.toThrow(
      DependencyError,
    );
    expect(work).toHaveBeenCalledTimes(2);
  });

  it('does not try again what would fail again', async () => {
    const work = jest.fn(() => Promise.reject(new WrongPassword('no')));
    await expect(dependencyOf().call('get', work, { idempotent: true })).rejects.toMatchObject({
      reason: 'unauthorized',
    });
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('does not wait for a retry that the deadline leaves no time for', async () => {
    const busy: Fault = { reason: 'rate_limited', transient: true, retryAfterMs: 5_000 };
    const dependency = dependencyOf({ classify: () => busy });
    const work = jest.fn(refuse);
    const deadline = new Deadline(1_000);
    await expect(
      deadline.run(() => dependency.call('get', work, { idempotent: true })),
    ).rejects.toMatchObject({
      reason: 'rate_limited',
      retryAfterMs: 5_000,
    });
    expect(work).toHaveBeenCalledTimes(1);
    deadline.release();
  });

  it('stops waiting for a retry when the caller leaves, and calls no more', async () => {
    const slowly: Fault = { reason: 'rate_limited', transient: true, retryAfterMs: 500 };
    const dependency = dependencyOf({ classify: () => slowly });
    const work = jest.fn(refuse);
    const deadline = new Deadline(60_000);
    const ended = deadline.run(() => dependency.call('get', work, { idempotent: true }));
    await new Promise((resolve) => setImmediate(resolve));
    deadline.abandon();
    await expect(ended).rejects.toThrow(CallerGone);
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('ends an attempt at its timeout, which counts', async () => {
    const dependency = dependencyOf();
    await expect(dependency.call('get', never, { timeoutMs: 20 })).rejects.toMatchObject({
      reason: 'timeout',
    });
    expect(dependency.statistics.counts.fault).toBe(1);
  });

  it('ends at the deadline of the request, which does not count', async () => {
    const dependency = dependencyOf({ circuit: { ...circuit, consecutiveFaults: 1 } });
    const deadline = new Deadline(30);
    await expect(deadline.run(() => dependency.call('get', never))).rejects.toThrow(DeadlineExceeded);
    expect(dependency.circuit.at).toBe('closed');
    expect(dependency.statistics.counts.neutral).toBe(1);
  });

  it('counts a request that ran out of time against a dependency that was slow', async () => {
    const dependency = dependencyOf({ circuit: { ...circuit, consecutiveFaults: 1 } });
    const deadline = new Deadline(40);
    await expect(deadline.run(() => dependency.call('get', never, { slowMs: 10 }))).rejects.toThrow(
      DeadlineExceeded,
    );
    expect(dependency.circuit).toMatchObject({ at: 'open', reason: 'slow' });
  });

  it('does not count impatient clients, however many', async () => {
    const dependency = dependencyOf({ circuit: { ...circuit, consecutiveFaults: 1 } });
    for (let i = 0; i < 10; i += 1) {
      const deadline = new Deadline(60_000);
      const call = deadline.run(() => dependency.call('get', never));
      deadline.abandon();
      await expect(call).rejects.toThrow(CallerGone);
    }
    expect(dependency.circuit.at).toBe('closed');
  });

  it('takes the server’s own time limit, which it had from the deadline, for the deadline; other errors for what they are', async () => {
    jest.useFakeTimers();
    const at = (ms: number, error: Error) => () =>
      new Promise<never>((_, reject) => setTimeout(() => reject(error), ms));
    const limits: (Fault | undefined)[] = [
      { reason: 'timeout', transient: true },
      { reason: 'hung', transient: true },
    ];
    for (const fault of limits) {
      const dependency = dependencyOf({
        classify: () => fault,
        circuit: { ...circuit, consecutiveFaults: 1 },
      });
      const call = new Deadline(15)
        .run(() => dependency.call('get', at(14, new Error('57014'))))
        .catch((e: unknown) => e);
      await jest.advanceTimersByTimeAsync(14);
      expect(await call).toBeInstanceOf(DeadlineExceeded);
      expect(dependency.circuit.at).toBe('closed');
    }
    const bug = new Deadline(15)
      .run(() => dependencyOf().call('get', at(14, new TypeError('a bug'))))
      .catch((e: unknown) => e);
    await jest.advanceTimersByTimeAsync(14);
    expect(await bug).toBeInstanceOf(TypeError);
    jest.useRealTimers();
  });

  it('makes no call for a request that is over', async () => {
    const work = jest.fn(() => Promise.resolve());
    const deadline = new Deadline(60_000);
    deadline.abandon();
    await expect(deadline.run(() => dependencyOf().call('get', work))).rejects.toThrow(CallerGone);
    expect(work).not.toHaveBeenCalled();
  });

  it('counts a success that took too long', async () => {
    const dependency = dependencyOf({ circuit: { ...circuit, consecutiveFaults: 1 } });
    await dependency.call('get', () => new Promise((resolve) => setTimeout(resolve, 15)), { slowMs: 5 });
    expect(dependency.circuit).toMatchObject({ at: 'open', reason: 'slow' });
    expect(dependency.statistics.counts.slow).toBe(1);
  });

  it('refuses at once while the circuit is open, and does not try that again', async () => {
    const dependency = dependencyOf({ circuit: { ...circuit, consecutiveFaults: 1 } });
    await dependency.call('get', refuse).catch(() => {});
    const work = jest.fn(() => Promise.resolve());
    await expect(dependency.call('get', work, { idempotent: true })).rejects.toMatchObject({
      reason: 'circuit_open',
    });
    expect(work).not.toHaveBeenCalled();
    expect(dependency.statistics.counts.refused).toBe(1);
    dependency.stop();
  });

  it('refuses while it is isolated, and serves again when it is reset', async () => {
    const dependency = dependencyOf();
    dependency.isolate();
    await expect(dependency.call('get', () => Promise.resolve(1))).rejects.toMatchObject({
      reason: 'isolated',
    });
    dependency.reset();
    await expect(dependency.call('get', () => Promise.resolve(1))).resolves.toBe(1);
  });
});

describe('Dependency.status', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('is up to begin with, and tells what stands behind it', () => {
    const dependency = dependencyOf();
    expect(dependency.status).toMatchObject({ state: 'up', reason: null, observedAt: null });
    expect(dependency).toMatchObject({
      name: 'thing',
      adapter: 'fake',
      criticality: 'optional',
      lastError: null,
    });
    expect(dependency.traits).toEqual({ durable: true, shared: false });
  });

  it('is degraded by a failing check, and down only when that lasts', async () => {
    const changes = jest.fn();
    const dependency = dependencyOf({}, changes);
    dependency.observe(new Refused('no'));
    expect(dependency.status).toMatchObject({ state: 'degraded', reason: 'unreachable' });
    dependency.observe(new Refused('no'));
    dependency.observe(new Refused('no'));
    expect(dependency.status.state).toBe('degraded');
    await jest.advanceTimersByTimeAsync(10_000);
    dependency.observe(new Refused('no'));
    expect(dependency.status.state).toBe('down');
    expect(dependency.lastError).toMatchObject({ operation: 'check', reason: 'unreachable', message: 'no' });
    expect(changes).toHaveBeenCalledTimes(2);
  });

  it('does not go down for a long gap between two failing checks alone', async () => {
    const dependency = dependencyOf();
    dependency.observe(new Refused('no'));
    await jest.advanceTimersByTimeAsync(60_000);
    dependency.observe('not even an error');
    expect(dependency.status).toMatchObject({ state: 'degraded', reason: 'failed' });
  });

  it('is up again at the first check that succeeds', () => {
    const dependency = dependencyOf();
    dependency.observe(new Refused('no'));
    dependency.observe(undefined);
    expect(dependency.status).toMatchObject({ state: 'up', reason: null });
    expect(dependency.status.observedAt).toBeInstanceOf(Date);
  });

  it('is degraded while its circuit is open, and up when the probe has closed it', async () => {
    const dependency = dependencyOf({ circuit: { ...circuit, consecutiveFaults: 1 } });
    await dependency.call('get', refuse).catch(() => {});
    expect(dependency.status).toMatchObject({ state: 'degraded', reason: 'unreachable' });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(dependency.status.state).toBe('up');
  });

  it('closes its circuit as soon as checks that had failed succeed again, and not before', async () => {
    const sick = {
      check: () => refuse(),
      circuit: { ...circuit, consecutiveFaults: 1, backoffMinMs: 50_000 },
    };
    const dependency = dependencyOf(sick);
    await dependency.call('get', refuse).catch(() => {});
    dependency.observe(undefined);
    expect(dependency.circuit.at).toBe('open');
    dependency.observe(new Refused('no'));
    dependency.observe(undefined);
    expect(dependency.circuit.at).toBe('closed');
    dependency.isolate();
    dependency.observe(new Refused('no'));
    dependency.observe(undefined);
    expect(dependency.circuit.at).toBe('isolated');
  });

  it('is never down for being busy: neither by calls nor by checks', async () => {
    const busy: Fault = { reason: 'pool_exhausted', transient: false, counts: false };
    const dependency = dependencyOf({ classify: () => busy, circuit: { ...circuit, consecutiveFaults: 1 } });
    await expect(dependency.call('get', refuse)).rejects.toMatchObject({
      reason: 'pool_exhausted',
      counts: false,
    });
    expect(dependency.circuit.at).toBe('closed');
    for (let i = 0; i < 10; i += 1) {
      dependency.observe(new Refused('no place'));
      await jest.advanceTimersByTimeAsync(5_000);
    }
    expect(dependency.status).toMatchObject({ state: 'degraded', reason: 'pool_exhausted' });
  });

  it('shows the facts of its adapter, if it has any', () => {
    expect(dependencyOf().facts).toEqual({});
    expect(dependencyOf({ facts: () => ({ pool: 1 }) }).facts).toEqual({ pool: 1 });
  });

  it('bounds a check in time', async () => {
    const dependency = dependencyOf({ check: never });
    const check = dependency.check(50).catch((e: unknown) => e);
    await jest.advanceTimersByTimeAsync(50);
    await expect(check).resolves.toMatchObject({ name: 'AttemptTimeout' });
    expect(dependency.classify(await check)).toEqual({ reason: 'timeout', transient: true });
  });
});

const circuit = { consecutiveFaults: 5, windowCalls: 100, backoffMinMs: 1_000, backoffMaxMs: 60_000 };
