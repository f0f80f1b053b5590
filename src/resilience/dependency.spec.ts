import { jest } from '@jest/globals';
import { CallerGone, Deadline, DeadlineExceeded } from '../kernel/deadline.js';
import { circuit, dependencyOf, never, refuse, Refused } from '../../test/support/dependency.js';
import { DependencyError, type Fault } from './dependency-error.js';

class WrongPassword extends Error {}

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
    const classify = (e: unknown): Fault | undefined =>
      e instanceof WrongPassword ? { reason: 'unauthorized', transient: false } : undefined;
    await expect(dependencyOf({ classify }).call('get', work, { idempotent: true })).rejects.toMatchObject({
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
