import { jest } from '@jest/globals';
import { circuit, dependencyOf, never, refuse, Refused } from '../../test/support/dependency.js';
import type { Fault } from './dependency-error.js';

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

  it('takes a check that was made a moment ago for the probe of its circuit', async () => {
    const check = jest.fn(() => Promise.resolve());
    const dependency = dependencyOf({ check, circuit: { ...circuit, consecutiveFaults: 1 } });
    await jest.advanceTimersByTimeAsync(5_000);
    await dependency.call('get', refuse).catch(() => {});
    await jest.advanceTimersByTimeAsync(400);
    await dependency.check(1_000);
    await jest.advanceTimersByTimeAsync(600);
    expect(dependency.circuit.at).toBe('closed');
    expect(check).toHaveBeenCalledTimes(1);
  });

  it('has a probe of its own where nobody has looked for a while', async () => {
    const check = jest.fn(() => Promise.resolve());
    const dependency = dependencyOf({ check, circuit: { ...circuit, consecutiveFaults: 1 } });
    await jest.advanceTimersByTimeAsync(5_000);
    await dependency.call('get', refuse).catch(() => {});
    await jest.advanceTimersByTimeAsync(1_000);
    expect(dependency.circuit.at).toBe('closed');
    expect(check).toHaveBeenCalledTimes(1);
  });
});
