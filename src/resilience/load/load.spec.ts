import { jest } from '@jest/globals';
import { readSettings } from '../../config/settings.js';
import { AppError } from '../../kernel/app-error.js';
import { Metrics } from '../../telemetry/metrics.js';
import { Dependencies } from '../dependencies.js';
import type { Reason } from '../dependency-error.js';
import type { Importance } from './importance.js';
import { Load } from './load.js';
import type { Place } from './place.js';

const SERVICE_MS = 10;
const SERVERS = 2;
const CAPACITY_PER_S = (SERVERS * 1_000) / SERVICE_MS;

interface Outcome {
  importance: Importance;
  atMs: number;
  tookMs: number;
  error: AppError | undefined;
}

interface ServiceOptions {
  /** How long a model thinks about each request, without anybody's help. */
  thinkMs: number;
  /** How many it works on at a time. */
  servers: number;
  serviceMs: number;
}

/** A service that does two things at a time, each of which takes 10 ms, and more than it can do is asked of it. */
class Service {
  readonly outcomes: Outcome[] = [];
  private busy = 0;
  private readonly queue: (() => void)[] = [];

  private readonly thinkMs: number;
  readonly servers: number;
  serviceMs: number;

  constructor(
    readonly load: Load,
    { thinkMs = 0, servers = SERVERS, serviceMs = SERVICE_MS }: Partial<ServiceOptions>,
  ) {
    [this.thinkMs, this.servers, this.serviceMs] = [thinkMs, servers, serviceMs];
  }

  async ask(importance: Importance): Promise<void> {
    const atMs = performance.now();
    const ended = (error?: unknown) =>
      this.outcomes.push({
        importance,
        atMs,
        tookMs: performance.now() - atMs,
        error: error as AppError | undefined,
      });
    let place: Place;
    try {
      place = await this.load.enter('stores', importance, importance);
    } catch (error) {
      ended(error);
      return;
    }
    if (this.thinkMs > 0) {
      place.away();
      await new Promise((resolve) => setTimeout(resolve, this.thinkMs));
      place.back();
    }
    await this.work();
    place.leave(true);
    ended();
  }

  /** @param perSecond by importance, evenly spread */
  async under(perSecond: Partial<Record<Importance, number>>, ms: number): Promise<void> {
    const due = new Map<Importance, number>();
    for (let t = 0; t < ms; t += 1) {
      for (const [importance, rate] of Object.entries(perSecond) as [Importance, number][]) {
        let owed = (due.get(importance) ?? 0) + rate / 1_000;
        for (; owed >= 1; owed -= 1) void this.ask(importance);
        due.set(importance, owed);
      }
      await jest.advanceTimersByTimeAsync(1);
    }
  }

  async settle(): Promise<void> {
    await jest.advanceTimersByTimeAsync(5_000);
  }

  /** What was asked from `sinceMs` on. */
  of(importance: Importance, sinceMs = 0) {
    const all = this.outcomes.filter((o) => o.importance === importance && o.atMs >= sinceMs);
    const times = (of: Outcome[]) => of.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
    const done = times(all.filter(({ error }) => error === undefined));
    const refused = times(all.filter(({ error }) => error !== undefined));
    return { all: all.length, done, refused, p99: done[Math.floor(done.length * 0.99)] ?? 0 };
  }

  /** How much of what was asked from `sinceMs` on was done. */
  share(importance: Importance, sinceMs: number): number {
    const { all, done } = this.of(importance, sinceMs);
    return done.length / all;
  }

  private async work(): Promise<void> {
    if (this.busy < this.servers) this.busy += 1;
    else await new Promise<void>((resolve) => this.queue.push(resolve));
    await new Promise((resolve) => setTimeout(resolve, this.serviceMs));
    const next = this.queue.shift();
    if (next === undefined) this.busy -= 1;
    else next();
  }
}

describe('Load', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());
  const loads: Load[] = [];
  afterEach(() => loads.splice(0).forEach((load) => load.onApplicationShutdown()));

  const metrics = new Metrics();
  let dependencies: Dependencies;
  const newService = (env: Record<string, string> = {}, options: Partial<ServiceOptions> = {}) => {
    const settings = readSettings(env);
    dependencies = new Dependencies(settings, metrics);
    const load = new Load(settings, metrics, dependencies);
    load.onApplicationBootstrap();
    loads.push(load);
    return new Service(load, options);
  };

  it('refuses nobody who would be served in time', async () => {
    const service = newService();
    await service.under({ chat: 0.9 * CAPACITY_PER_S }, 5_000);
    for (let i = 0; i < 100; i += 1) void service.ask('generate');
    await service.settle();
    expect([service.of('chat').refused, service.of('generate').refused]).toEqual([[], []]);
    expect(service.load.report()).toMatchObject({
      stores: { overloaded_since: null, active: 0, waiting: 0 },
    });
  });

  it('at three times what it can do, does nine tenths of it, quickly, and refuses the rest at once', async () => {
    const service = newService();
    await service.under({ chat: 0.5 * CAPACITY_PER_S }, 3_000);
    const beganMs = performance.now();
    await service.under({ chat: 3 * CAPACITY_PER_S }, 20_000);
    expect(service.load.overloadedSince).toBeInstanceOf(Date);
    // What was let in before it was known is done.
    const { done, refused, p99 } = service.of('chat', beganMs + 2_000);
    expect(done.length).toBeGreaterThanOrEqual(0.9 * CAPACITY_PER_S * 18);
    expect(p99).toBeLessThanOrEqual(5 * SERVICE_MS);
    expect(refused.at(-1)).toBeLessThanOrEqual(50);
    await service.settle();
    expect(service.load.report()).toMatchObject({
      stores: { overloaded_since: null, active: 0, waiting: 0 },
    });
  });

  it('finds out what it can do if it has never seen itself without an overload', async () => {
    const service = newService();
    await service.under({ chat: 3 * CAPACITY_PER_S }, 20_000);
    const { done, p99 } = service.of('chat', performance.now() - 10_000);
    expect(done.length).toBeGreaterThanOrEqual(0.9 * CAPACITY_PER_S * 10);
    expect(p99).toBeLessThanOrEqual(5 * SERVICE_MS);
  });

  it('sheds the less important first, and nothing of what must not be lost', async () => {
    const service = newService();
    const rates = { feedback: 0.3, chat: 0.5, generate: 1, ingest: 1 };
    const perSecond = Object.fromEntries(
      Object.entries(rates).map(([importance, share]) => [importance, share * CAPACITY_PER_S]),
    );
    await service.under(perSecond, 15_000);
    const sinceMs = performance.now() - 10_000;
    const share = (importance: Importance) => service.share(importance, sinceMs);
    // Those of the last moment are not done yet.
    expect(share('feedback')).toBeGreaterThan(0.98);
    expect(share('chat')).toBeGreaterThan(0.95);
    expect(share('generate')).toBeGreaterThan(0.1);
    expect(share('generate')).toBeLessThan(0.3);
    expect(share('ingest')).toBeLessThan(0.02);
    expect(service.of('feedback').refused).toEqual([]);
    await service.settle();
    const text = await metrics.text();
    expect(text).toMatch(/http_shed_total\{lane="stores",importance="ingest"\} [1-9]/);
  });

  it.each([0, 0.01])('leaves no more room than is asked for by what is more important: %d', async (chat) => {
    const servers = 8;
    const capacityPerS = (servers * 1_000) / SERVICE_MS;
    const service = newService({}, { servers });
    await service.under({ ingest: 3 * capacityPerS, chat: chat * capacityPerS }, 30_000);
    const { done } = service.of('ingest', performance.now() - 10_000);
    expect(done.length).toBeGreaterThanOrEqual(0.9 * capacityPerS * 10);
    await service.settle();
  });

  it.each([4, 8, 16])('gives what is left of %d places to what is next in importance', async (servers) => {
    const capacityPerS = (servers * 1_000) / SERVICE_MS;
    const service = newService({}, { servers });
    const [feedback, chat, generate] = [0.1, 0.6, 1].map((share) => share * capacityPerS);
    await service.under({ feedback, chat, generate }, 20_000);
    const sinceMs = performance.now() - 10_000;
    const share = (importance: Importance) => service.share(importance, sinceMs);
    expect(share('feedback')).toBeGreaterThan(0.98);
    // In between it is looked what requests take by themselves, with next to nobody let in.
    expect(share('chat')).toBeGreaterThan(0.9);
    expect(share('generate')).toBeGreaterThan(0.25);
    await service.settle();
  });

  it('says at once whether what is large would have to wait', async () => {
    const service = newService();
    service.load.assertRoom('stores', 'ingest');
    await service.under({ ingest: 5 * CAPACITY_PER_S }, 3_000);
    const { ingest } = service.load.report().stores.refused;
    expect(() => service.load.assertRoom('stores', 'ingest')).toThrow(AppError);
    expect(service.load.report().stores.refused.ingest).toBe(ingest + 1);
    await service.settle();
    service.load.assertRoom('stores', 'ingest');
  });

  it('says when to come again, and not to all the same', async () => {
    const service = newService();
    await service.under({ ingest: 5 * CAPACITY_PER_S }, 3_000);
    const refused = service.outcomes.flatMap(({ error }) => error ?? []);
    expect(refused[0]).toMatchObject({ code: 'overloaded' });
    const waits = refused.map(({ retryAfterMs }) => retryAfterMs!);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(3_000);
    expect(new Set(waits).size).toBeGreaterThan(10);
    await service.settle();
  });

  it('counts nobody who waits for a model', async () => {
    const service = newService({}, { thinkMs: 2_000 });
    for (let i = 0; i < 5; i += 1) {
      for (let j = 0; j < 100; j += 1) void service.ask('chat');
      await jest.advanceTimersByTimeAsync(100);
    }
    expect(service.load.report()).toMatchObject({ stores: { active: 0, overloaded_since: null } });
    await jest.advanceTimersByTimeAsync(10_000);
    expect(service.of('chat')).toMatchObject({ refused: [], all: 500 });
  });

  it('lets everybody in where it is told to', async () => {
    const service = newService({ OVERLOAD_QUEUE_MS: '0' });
    await service.under({ chat: 3 * CAPACITY_PER_S }, 2_000);
    expect(service.of('chat').refused).toEqual([]);
    expect(service.load.report()).toMatchObject({ stores: { limit: null } });
    await service.settle();
  });

  it('takes a place back once, also from one that left while it was away', async () => {
    const { load } = newService();
    const [one, two] = [await load.enter('models', 'chat', 'a'), await load.enter('models', 'chat', 'a')];
    one.leave(true);
    one.leave(true);
    one.away();
    one.back();
    two.away();
    two.leave(false);
    two.back();
    expect(load.report()).toMatchObject({ models: { active: 0 } });
  });

  it('lets in as many as a store needs that is slow, and not busy', async () => {
    const service = newService({}, { servers: 1_000 });
    await service.under({ chat: 150 }, 3_000);
    service.serviceMs = 1_000;
    await service.under({ chat: 150 }, 15_000);
    const { all, done } = service.of('chat', performance.now() - 6_000);
    // Those of the last second are not done yet.
    expect(done.length / all).toBeGreaterThan(0.7);
    service.serviceMs = SERVICE_MS;
    await service.settle();
    expect(service.load.overloadedSince).toBeUndefined();
  });

  it('waits for those who were let in before, and not for ever', async () => {
    const service = newService();
    for (let i = 0; i < 4; i += 1) await service.load.enter('stores', 'chat', 'endless');
    await service.under({ chat: 3 * CAPACITY_PER_S }, 15_000);
    const { done } = service.of('chat', performance.now() - 3_000);
    expect(done.length).toBeGreaterThan(100);
  });

  it('does not hold up what needs no store', async () => {
    const service = newService();
    await service.under({ chat: 3 * CAPACITY_PER_S }, 3_000);
    for (let i = 0; i < 100; i += 1) (await service.load.enter('models', 'ingest', 'a')).leave(true);
    expect(service.load.report()).toMatchObject({
      stores: { overloaded_since: expect.any(String) },
      models: { overloaded_since: null, active: 0 },
    });
    await service.settle();
  });

  it('takes the word of a database that has no connection left for one of many', async () => {
    const service = newService();
    const database = dependencies.register({
      name: 'database',
      criticality: 'critical',
      adapter: 'fake',
      traits: { durable: true, shared: true },
      classify: (error) => ({ reason: (error as Error).message as Reason, transient: false, counts: false }),
      check: () => Promise.resolve(),
      timeoutMs: 1_000,
    });
    const failing = (reason: Reason) =>
      database.call('get', () => Promise.reject(new Error(reason))).catch(() => undefined);
    await failing('pool_exhausted');
    expect(service.load.overloadedSince).toBeUndefined();
    for (let i = 0; i < 32; i += 1) void service.ask('chat');
    await failing('timeout');
    expect(service.load.overloadedSince).toBeUndefined();
    await failing('pool_exhausted');
    expect(service.load.overloadedSince).toBeInstanceOf(Date);
    await service.settle();
    expect(service.load.overloadedSince).toBeUndefined();
  });

  it('has the background make way, and not for ever', async () => {
    const service = newService();
    const never = new AbortController();
    await service.load.makeWay(never.signal);
    await service.under({ chat: 3 * CAPACITY_PER_S }, 2_000);
    const made = jest.fn();
    void service.load.makeWay(never.signal).then(made);
    await service.under({ chat: 3 * CAPACITY_PER_S }, 5_000);
    expect(made).not.toHaveBeenCalled();
    await service.under({ chat: 3 * CAPACITY_PER_S }, 6_000);
    expect(made).toHaveBeenCalled();
    const asked = service.load.makeWay(never.signal);
    await service.settle();
    await asked;
  });
});
