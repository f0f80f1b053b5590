import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { readSettings } from '../config/settings.js';
import { Dependencies } from '../resilience/dependencies.js';
import { Sampler } from './sampler.js';

describe('Sampler', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    Logger.overrideLogger(false);
  });
  afterEach(() => void jest.useRealTimers());

  function sampled() {
    const settings = readSettings({ HEALTH_INTERVAL_MS: '1000' });
    const dependencies = new Dependencies(settings);
    const check = jest.fn<() => Promise<void>>().mockResolvedValue();
    const dependency = dependencies.register({
      name: 'thing',
      criticality: 'critical',
      adapter: 'fake',
      traits: { durable: true, shared: true },
      classify: () => undefined,
      check,
      timeoutMs: 1_000,
    });
    const sampler = new Sampler(dependencies, settings);
    return { sampler, check, dependency };
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
