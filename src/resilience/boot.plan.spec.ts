import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { readSettings } from '../config/settings.js';
import { Metrics } from '../telemetry/metrics.js';
import { BootPlan } from './boot.plan.js';
import { Dependencies } from './dependencies.js';
import type { Criticality } from './dependency.js';
import { DependencyError } from './dependency-error.js';
import { OpeningFailed } from './opening.js';

class Refused extends Error {}
class WrongPassword extends Error {}
class WrongVectors extends Error {
  readonly exitCode = 14;
}

describe('BootPlan', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    Logger.overrideLogger(false);
  });
  afterEach(() => void jest.useRealTimers());

  function start(env: Record<string, string> = {}) {
    const settings = readSettings({ STARTUP_TIMEOUT_MS: '5000', ...env });
    const registry = new Dependencies(settings, new Metrics());
    const plan = new BootPlan(settings);
    const dependency = (name: string, criticality: Criticality) =>
      registry.get(name) ??
      registry.register({
        name,
        criticality,
        adapter: 'fake',
        traits: { durable: true, shared: false },
        classify: (error) =>
          error instanceof Refused
            ? { reason: 'unreachable', transient: true }
            : error instanceof WrongPassword
              ? { reason: 'unauthorized', transient: false }
              : undefined,
        check: () => Promise.resolve(),
        timeoutMs: 1_000,
      });
    const add = (
      name: string,
      criticality: Criticality,
      run: (signal: AbortSignal) => Promise<string | void>,
      after?: string[],
    ) =>
      plan.add({
        name,
        dependency: dependency(name, criticality),
        run,
        ...(after !== undefined && { after }),
      });
    const stepOf = (name: string) => plan.steps.find(({ step }) => step === name)!;
    return { plan, add, stepOf, registry };
  }
  const after = (ms: number) => () => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const never = () => new Promise<void>(() => {});
  /** Runs the plan to its end, whatever that is. */
  const run = async (plan: BootPlan, ms = 60_000) => {
    const end = plan.run().then(
      () => undefined,
      (error: unknown) => error,
    );
    await jest.advanceTimersByTimeAsync(ms);
    return end;
  };

  it('does side by side what can be, and one after the other what must be', async () => {
    const { plan, add, stepOf } = start();
    const order: string[] = [];
    const noting = (name: string, ms: number) => async () => {
      await after(ms)();
      order.push(name);
    };
    add('jobs', 'critical', noting('jobs', 10), ['database']);
    add('database', 'critical', noting('database', 300));
    add('cache', 'optional', noting('cache', 200));
    expect(plan.complete).toBe(false);
    expect(await run(plan, 310)).toBeUndefined();
    expect(order).toEqual(['cache', 'database', 'jobs']);
    expect(plan.complete).toBe(true);
    expect(plan.steps).toMatchObject([
      { step: 'settings', verdict: 'ok' },
      { step: 'jobs', verdict: 'ok', took_ms: 10 },
      { step: 'database', verdict: 'ok', took_ms: 300, detail: 'fake: durable, not shared' },
      { step: 'cache', verdict: 'ok', took_ms: 200 },
    ]);
    plan.note('listen', 'http://127.0.0.1:8000', 3);
    expect(stepOf('listen')).toMatchObject({ verdict: 'ok', took_ms: 3 });
  });

  it('tries again what is transient, and shows what was found out', async () => {
    const { plan, add, stepOf } = start();
    const open = jest
      .fn<() => Promise<string>>()
      .mockRejectedValueOnce(new Refused())
      .mockRejectedValueOnce(new Refused())
      .mockResolvedValue('a round trip takes 1 ms');
    add('cache', 'critical', open);
    expect(await run(plan)).toBeUndefined();
    expect(open).toHaveBeenCalledTimes(3);
    expect(stepOf('cache').detail).toBe('fake: durable, not shared; a round trip takes 1 ms');
  });

  it('waits for what is opened through a guard, also while its circuit is open', async () => {
    const { plan, add } = start();
    const failures = [
      new DependencyError('database', 'open', 'unreachable', { transient: true }),
      new DependencyError('database', 'open', 'circuit_open', {}),
    ];
    add('database', 'critical', async () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    });
    expect(await run(plan)).toBeUndefined();
  });

  it('ends when what is critical does not open in time, and says how all of it stood', async () => {
    const { plan, add, stepOf } = start();
    add('database', 'critical', () => Promise.reject(new Refused('refused')));
    add('jobs', 'critical', never, ['database']);
    add(
      'cache',
      'critical',
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
    );
    const failure = await run(plan);
    expect(failure).toBeInstanceOf(OpeningFailed);
    expect(failure).toMatchObject({ step: 'database', reason: 'unreachable', steps: plan.steps });
    expect(stepOf('database')).toMatchObject({
      verdict: 'failed',
      reason: 'unreachable',
      remedy: expect.stringContaining('Is it running'),
    });
    expect(stepOf('database').took_ms).toBeGreaterThanOrEqual(4_500);
    expect(stepOf('jobs')).toMatchObject({ verdict: 'pending', detail: 'after database' });
    expect(plan.complete).toBe(false);
  });

  it('gives a step the time that it asks for', async () => {
    const { plan, add } = start();
    add('database', 'critical', after(1));
    const dependency = start().registry.register({
      name: 'x',
      criticality: 'critical',
      adapter: 'fake',
      traits: { durable: true, shared: true },
      classify: () => ({ reason: 'overloaded', transient: true }),
      check: () => Promise.resolve(),
      timeoutMs: 1,
    });
    const locked = () => Promise.reject(new Error('locked'));
    plan.add({ name: 'migrations', dependency, timeoutMs: 20_000, run: locked });
    expect(await run(plan)).toMatchObject({ step: 'migrations', reason: 'overloaded' });
    expect(plan.steps.find(({ step }) => step === 'migrations')!.took_ms).toBeGreaterThanOrEqual(19_000);
  });

  it('ends at once for what will not mend itself, be it critical or a wrong set-up of what is not', async () => {
    const wrong = start();
    const open = jest.fn(() => Promise.reject(new WrongPassword('wrong password')));
    wrong.add('database', 'critical', open);
    expect(await run(wrong.plan)).toMatchObject({ reason: 'unauthorized' });
    expect(open).toHaveBeenCalledTimes(1);

    const misfit = start();
    misfit.add('vectors', 'optional', () => Promise.reject(new WrongVectors('1536')));
    expect(await run(misfit.plan)).toMatchObject({ step: 'vectors', message: 'vectors did not open: 1536' });
  });

  it('goes on without what is optional, after three seconds at most, and says so', async () => {
    const { plan, add, stepOf, registry } = start();
    add('cache', 'optional', () => Promise.reject(new Refused('refused')));
    add('search', 'optional', () => Promise.reject('no error at all'));
    add('workers', 'critical', after(1), ['cache']);
    expect(await run(plan, 3_100)).toBeUndefined();
    expect(stepOf('cache')).toMatchObject({ verdict: 'degraded', reason: 'unreachable' });
    expect(stepOf('search')).toMatchObject({
      verdict: 'degraded',
      reason: 'failed',
      remedy: null,
      detail: 'search did not open: no error at all',
    });
    expect(stepOf('workers').verdict).toBe('ok');
    expect(registry.get('cache')!.status.state).toBe('degraded');
    expect(plan.complete).toBe(true);
  });

  it('refuses a second step of the same name, and one that comes after nothing', async () => {
    const { plan, add } = start();
    add('cache', 'optional', after(1), ['what?']);
    expect(() => add('cache', 'optional', after(1))).toThrow('has a step cache already');
    await expect(plan.run()).rejects.toThrow('after what?, which there is not');
  });

  describe('with STARTUP_POLICY=tolerant', () => {
    const tolerant = { STARTUP_POLICY: 'tolerant' };

    it('goes on soon without what is critical, and opens it when it comes', async () => {
      const { plan, add, stepOf } = start(tolerant);
      let there = false;
      add('database', 'critical', () => (there ? Promise.resolve() : Promise.reject(new Refused('refused'))));
      add('jobs', 'critical', after(1), ['database']);
      add('slow', 'critical', never);
      expect(await run(plan, 1_500)).toBeUndefined();
      expect(plan.told).toBe(true);
      expect(plan.complete).toBe(false);
      expect(stepOf('slow')).toMatchObject({ verdict: 'waiting', detail: 'not yet open' });
      expect(stepOf('jobs')).toMatchObject({ verdict: 'waiting', detail: 'after database' });
      await jest.advanceTimersByTimeAsync(30_000);
      expect(stepOf('database')).toMatchObject({ verdict: 'waiting', reason: 'unreachable' });
      there = true;
      await jest.advanceTimersByTimeAsync(2_000);
      expect([stepOf('database').verdict, stepOf('jobs').verdict]).toEqual(['ok', 'ok']);
      expect(plan.complete).toBe(false);
      plan.onApplicationShutdown();
    });

    it('says when everything is open', async () => {
      const log = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => {});
      const { plan, add } = start(tolerant);
      add('database', 'critical', after(4_000));
      await run(plan, 1_500);
      expect(log).not.toHaveBeenCalledWith({ event: 'boot.ready' }, expect.anything());
      await jest.advanceTimersByTimeAsync(4_000);
      expect(plan.complete).toBe(true);
      expect(log).toHaveBeenCalledWith({ event: 'boot.ready' }, expect.anything());
      log.mockRestore();
    });

    it('ends when the process is told to stop before it has begun to serve', async () => {
      const { plan, add } = start(tolerant);
      add('database', 'critical', never);
      const ended = run(plan, 500);
      plan.onApplicationShutdown();
      expect(await ended).toEqual(new Error('The service is stopping'));
    });

    it('ends all the same for what is set up wrongly, as long as nothing is served', async () => {
      const { plan, add } = start(tolerant);
      add('database', 'critical', () => Promise.reject(new WrongPassword('wrong password')));
      expect(await run(plan, 1_000)).toMatchObject({ reason: 'unauthorized' });
    });

    it('waits for an operator where that shows only later, and says it once', async () => {
      const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
      const { plan, add, stepOf } = start(tolerant);
      let failure: Error = new Refused('refused');
      const open = jest.fn(() => Promise.reject(failure));
      add('database', 'critical', open);
      await run(plan, 10_000);
      failure = new WrongPassword('wrong password');
      await jest.advanceTimersByTimeAsync(10_000);
      expect(stepOf('database')).toMatchObject({ verdict: 'waiting', reason: 'unauthorized' });
      const [before, said] = [open.mock.calls.length, warn.mock.calls.length];
      await jest.advanceTimersByTimeAsync(60_000);
      expect(open.mock.calls.length - before).toBeLessThanOrEqual(13);
      expect(warn.mock.calls.length).toBe(said);
      plan.onApplicationShutdown();
      warn.mockRestore();
    });
  });
});
