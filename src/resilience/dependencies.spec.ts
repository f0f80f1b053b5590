import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { readSettings } from '../config/settings.js';
import { Dependencies, type Registration } from './dependencies.js';
import { DependencyError } from './dependency-error.js';
import { OpeningFailed } from './opening.js';

const dependencies = () =>
  new Dependencies(readSettings({ STARTUP_TIMEOUT_MS: '1000', CIRCUIT_CONSECUTIVE_FAULTS: '1' }));

const options = (name: string, more: Partial<Registration> = {}): Registration => ({
  name,
  criticality: 'optional',
  adapter: 'fake',
  traits: { durable: true, shared: false },
  classify: (error) => (error instanceof Refused ? { reason: 'unreachable', transient: true } : undefined),
  check: () => Promise.resolve(),
  timeoutMs: 1_000,
  ...more,
});

class Refused extends Error {}

describe('Dependencies', () => {
  beforeEach(() => Logger.overrideLogger(false));

  it('refuses a second of the same name', () => {
    const registry = dependencies();
    registry.register(options('cache'));
    expect(() => registry.register(options('cache'))).toThrow('registered already');
  });

  it('finds by name and goes through all in the order of their registration', () => {
    const registry = dependencies();
    const [a, b] = [registry.register(options('a')), registry.register(options('b'))];
    expect([...registry]).toEqual([a, b]);
    expect(registry.get('b')).toBe(b);
    expect(registry.get('c')).toBeUndefined();
  });

  it('keeps the changes of state, the newest first, and logs each once', async () => {
    const registry = dependencies();
    const log = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => {});
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const a = registry.register(options('a'));
    a.observe(new Error('a check'));
    await a.call('get', () => Promise.reject(new Refused())).catch(() => {}); // another reason, the same state
    a.isolate();
    a.reset();
    a.observe(undefined);
    expect(registry.changes()).toMatchObject([
      { dependency: 'a', from: 'degraded', to: 'up', reason: null },
      { dependency: 'a', from: 'down', to: 'degraded', reason: 'failed' },
      { dependency: 'a', from: 'degraded', to: 'down', reason: 'isolated' },
      { dependency: 'a', from: 'up', to: 'degraded', reason: 'failed' },
    ]);
    expect(warn).toHaveBeenCalledTimes(3);
    expect(log).toHaveBeenCalledTimes(1);
    log.mockRestore();
    warn.mockRestore();
    registry.onApplicationShutdown();
  });

  it('forgets the oldest changes', () => {
    const registry = dependencies();
    const a = registry.register(options('a'));
    for (let i = 0; i < 80; i += 1) {
      a.isolate();
      a.reset();
    }
    expect(registry.changes()).toHaveLength(100);
  });

  it('opens a dependency, tries again what is transient, and writes down the step', async () => {
    const registry = dependencies();
    const a = registry.register(
      options('a', { criticality: 'critical', traits: { durable: true, shared: false } }),
    );
    const open = jest.fn<() => Promise<void>>().mockRejectedValueOnce(new Refused()).mockResolvedValue();
    await registry.open(a, open);
    expect(open).toHaveBeenCalledTimes(2);
    expect(registry.boot).toMatchObject([{ step: 'a', verdict: 'ok', detail: 'fake: durable, not shared' }]);
  });

  it('opens further parts of a dependency as steps of their own', async () => {
    const registry = dependencies();
    const a = registry.register(options('a'));
    await registry.open(a, () => Promise.resolve(), 'a, part two');
    expect(registry.boot).toMatchObject([{ step: 'a, part two', verdict: 'ok' }]);
  });

  it('waits for what is opened through a guard, also while its circuit is open', async () => {
    const registry = dependencies();
    const database = registry.register(options('database', { criticality: 'critical' }));
    const failures = [
      new DependencyError('database', 'open', 'unreachable', { transient: true }),
      new DependencyError('database', 'open', 'circuit_open', {}),
    ];
    await registry.open(database, async () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    });
    expect(registry.boot).toMatchObject([{ verdict: 'ok' }]);
    const wrong = new DependencyError('database', 'open', 'unauthorized', {});
    await expect(registry.open(database, () => Promise.reject(wrong))).rejects.toMatchObject({
      reason: 'unauthorized',
    });
  });

  it('shows what the opening found out', async () => {
    const registry = dependencies();
    await registry.open(registry.register(options('a')), () => Promise.resolve('a round trip takes 1 ms'));
    expect(registry.boot[0]!.detail).toBe('fake: durable, not shared; a round trip takes 1 ms');
  });

  it('ends the start when what is critical does not open in time', async () => {
    const registry = dependencies();
    const a = registry.register(options('a', { criticality: 'critical' }));
    const failure = await registry
      .open(a, () => Promise.reject(new Refused('refused')))
      .catch((e: unknown) => e);
    expect(failure).toBeInstanceOf(OpeningFailed);
    expect(failure).toMatchObject({ dependency: 'a', reason: 'unreachable' });
    expect(registry.boot).toMatchObject([{ step: 'a', verdict: 'failed' }]);
  });

  it('ends it at once for what will not mend itself', async () => {
    const registry = dependencies();
    const a = registry.register(options('a', { criticality: 'critical' }));
    const open = jest.fn(() => Promise.reject(new Error('wrong folder')));
    await expect(registry.open(a, open)).rejects.toMatchObject({
      reason: 'failed',
      message: 'a did not open: wrong folder',
    });
    expect(open).toHaveBeenCalledTimes(1);
  });

  it('starts without what is optional, and says so', async () => {
    const registry = dependencies();
    const a = registry.register(options('a'));
    await registry.open(a, () => Promise.reject('no error at all'));
    expect(registry.boot).toMatchObject([
      { step: 'a', verdict: 'degraded', detail: 'a did not open: no error at all' },
    ]);
    expect(a.status.state).toBe('degraded');
  });
});
