import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { readSettings } from '../config/settings.js';
import { Metrics } from '../telemetry/metrics.js';
import { Dependencies, type Registration } from './dependencies.js';

const dependencies = () => new Dependencies(readSettings({ CIRCUIT_CONSECUTIVE_FAULTS: '1' }), new Metrics());

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
});
