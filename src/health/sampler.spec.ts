import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { readSettings } from '../config/settings.js';
import { Dependencies } from '../resilience/dependencies.js';
import type { Fault } from '../resilience/dependency-error.js';
import { FakeFleet } from '../../test/support/fleet.js';
import { Metrics } from '../telemetry/metrics.js';
import { Sampler } from './sampler.js';

describe('Sampler', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    Logger.overrideLogger(false);
  });
  afterEach(() => void jest.useRealTimers());

  function sampled(intervalMs = 1_000, fault?: Fault, criticality: 'critical' | 'optional' = 'critical') {
    const settings = readSettings({ HEALTH_INTERVAL_MS: String(intervalMs) });
    const dependencies = new Dependencies(settings, new Metrics());
    const check = jest.fn<() => Promise<void>>().mockResolvedValue();
    const dependency = dependencies.register({
      name: 'thing',
      criticality,
      adapter: 'fake',
      traits: { durable: true, shared: true },
      classify: () => fault,
      check,
      timeoutMs: 1_000,
    });
    const fleet = new FakeFleet();
    const sampler = new Sampler(dependencies, settings, fleet);
    return { sampler, check, dependency, fleet };
  }

  it('checks once an interval, give or take a fifth', async () => {
    const { sampler, check } = sampled();
    sampler.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(100_000);
    expect(check.mock.calls.length).toBeGreaterThanOrEqual(83);
    expect(check.mock.calls.length).toBeLessThanOrEqual(125);
    sampler.onApplicationShutdown();
  });

  it('goes on checking what fails, and sees it heal', async () => {
    const { sampler, check, dependency } = sampled();
    check.mockRejectedValue(new Error('sick'));
    sampler.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(30_000);
    expect(dependency.status).toMatchObject({ state: 'down', reason: 'failed' });
    check.mockResolvedValue();
    await jest.advanceTimersByTimeAsync(1_200);
    expect(dependency.status.state).toBe('up');
    sampler.onApplicationShutdown();
  });

  it('takes a check that never ends for a failure, and does not begin another meanwhile', async () => {
    const { sampler, check, dependency } = sampled();
    check.mockReturnValue(new Promise(() => {}));
    sampler.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(3_500);
    expect(check).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(dependency.status).toMatchObject({ state: 'degraded', reason: 'timeout' });
    sampler.onApplicationShutdown();
  });

  it('looks once a second at what is unwell, waits for no check that hangs, and never has many of them', async () => {
    const { sampler, check, dependency } = sampled(5_000);
    dependency.observe(new Error('sick'));
    check.mockReturnValue(new Promise(() => {}));
    sampler.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(check.mock.calls.length).toBeGreaterThanOrEqual(45);
    expect(check.mock.calls.length).toBeLessThanOrEqual(60);
    // Those that hang go on hanging: it is the next one that finds it well.
    check.mockResolvedValue();
    await jest.advanceTimersByTimeAsync(1_500);
    expect(dependency.status.state).toBe('up');
    sampler.onApplicationShutdown();
  });

  it('does not look more often at what was told when to come back', async () => {
    const quota: Fault = { reason: 'quota', transient: false, suspendMs: 60_000 };
    const { sampler, check, dependency } = sampled(5_000, quota, 'optional');
    sampler.onApplicationBootstrap();
    await dependency.call('ask', () => Promise.reject(new Error('used up'))).catch(() => {});
    expect(dependency.status).toMatchObject({ state: 'degraded', reason: 'quota' });
    await jest.advanceTimersByTimeAsync(50_000);
    expect(check.mock.calls.length).toBeLessThanOrEqual(12);
    dependency.isolate();
    await jest.advanceTimersByTimeAsync(50_000);
    expect(check.mock.calls.length).toBeLessThanOrEqual(24);
    sampler.onApplicationShutdown();
  });

  it('leaves alone what somebody else has just checked', async () => {
    const { sampler, check, dependency } = sampled(5_000, undefined, 'optional');
    sampler.onApplicationBootstrap();
    const others = setInterval(() => void dependency.check(1_000), 2_000);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(check.mock.calls.length).toBe(30);
    clearInterval(others);
    sampler.onApplicationShutdown();
  });

  it('looks every two seconds at what is critical', async () => {
    const { sampler, check } = sampled(60_000);
    sampler.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(check.mock.calls.length).toBeGreaterThanOrEqual(22);
    expect(check.mock.calls.length).toBeLessThanOrEqual(38);
    sampler.onApplicationShutdown();
  });

  it('takes another replica’s word for what is optional, and looks itself now and then all the same', async () => {
    const { sampler, check, fleet } = sampled(5_000, undefined, 'optional');
    sampler.onApplicationBootstrap();
    const others = setInterval(() => fleet.say('vouched', { dependency: 'thing' }), 2_000);
    await jest.advanceTimersByTimeAsync(120_000);
    expect(check.mock.calls.length).toBeGreaterThanOrEqual(3);
    expect(check.mock.calls.length).toBeLessThanOrEqual(5);
    expect(fleet.told).toHaveLength(check.mock.calls.length);
    expect(fleet.told[0]!.word).toEqual({ dependency: 'thing' });
    fleet.say('vouched', { dependency: 'unknown' });
    clearInterval(others);
    await jest.advanceTimersByTimeAsync(20_000);
    expect(check.mock.calls.length).toBeGreaterThanOrEqual(6);
    sampler.onApplicationShutdown();
  });

  it('believes nobody who says that something is well which is not so here', async () => {
    const { sampler, check, dependency, fleet } = sampled(5_000, undefined, 'optional');
    check.mockRejectedValue(new Error('sick'));
    sampler.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(fleet.told).toEqual([]);
    const before = check.mock.calls.length;
    const others = setInterval(() => fleet.say('vouched', { dependency: 'thing' }), 500);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(check.mock.calls.length - before).toBeGreaterThanOrEqual(7);
    expect(dependency.status.state).not.toBe('up');
    clearInterval(others);
    sampler.onApplicationShutdown();
  });

  it('looks itself at what is critical, whatever others say', async () => {
    const { sampler, check, fleet } = sampled(5_000);
    sampler.onApplicationBootstrap();
    const others = setInterval(() => fleet.say('vouched', { dependency: 'thing' }), 500);
    await jest.advanceTimersByTimeAsync(20_000);
    expect(check.mock.calls.length).toBeGreaterThanOrEqual(7);
    expect(fleet.told).toEqual([]);
    clearInterval(others);
    sampler.onApplicationShutdown();
  });

  it('says nothing of what breaks while the process ends', async () => {
    const { sampler, check, dependency } = sampled();
    let fail: (error: Error) => void = () => {};
    check.mockReturnValue(new Promise((_, reject) => (fail = reject)));
    sampler.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(1_500);
    sampler.onApplicationShutdown();
    fail(new Error('closed'));
    await jest.advanceTimersByTimeAsync(10_000);
    expect(dependency.status.state).toBe('up');
    expect(check).toHaveBeenCalledTimes(1);
  });
});
