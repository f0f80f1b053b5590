import { jest } from '@jest/globals';
import { dependencyOf, Refused } from '../../test/support/dependency.js';
import { all } from '../../test/support/all.js';
import { CallerGone, Deadline, DeadlineExceeded } from '../kernel/deadline.js';
import { DependencyError } from './dependency-error.js';
import { RequestContext } from '../telemetry/request.context.js';
import { childOf } from '../telemetry/trace.context.js';

const caught = (promise: Promise<unknown>) => promise.catch((e: unknown) => e);

/** Gives so many items, and then fails if it is told to. */
async function* some(count: number, failure?: unknown): AsyncGenerator<number> {
  for (let i = 0; i < count; i += 1) yield i;
  if (failure !== undefined) throw failure;
}

/** Gives one item, and no more until its signal aborts. */
async function* endless(signal: AbortSignal): AsyncGenerator<number> {
  yield 0;
  await new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

describe('A call that gives piece after piece', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('gives all of them, and counts as one that went well', async () => {
    const dependency = dependencyOf({ concurrencyMax: 1 });
    expect(await all(dependency.stream('read', () => some(3)))).toEqual([0, 1, 2]);
    expect(dependency.statistics.counts).toMatchObject({ ok: 1, fault: 0, neutral: 0 });
    expect(dependency.concurrency).toMatchObject({ inUse: 0 });
  });

  it('holds its place for as long as it is read', async () => {
    const dependency = dependencyOf({ concurrencyMax: 1 });
    const items = dependency.stream('read', () => some(2));
    await items.next();
    expect(dependency.concurrency).toMatchObject({ inUse: 1 });
    await items.return(undefined);
    expect(dependency.concurrency).toMatchObject({ inUse: 0 });
  });

  it('is tried again as long as nothing of it was read', async () => {
    const dependency = dependencyOf({ retries: 1 });
    const open = jest
      .fn<() => AsyncIterable<number>>()
      .mockReturnValueOnce(some(0, new Refused()))
      .mockReturnValueOnce(some(2));
    const items = all(dependency.stream('read', open, { idempotent: true }));
    await jest.advanceTimersByTimeAsync(10_000);
    expect(await items).toEqual([0, 1]);
    expect(dependency.statistics).toMatchObject({ retries: 1, counts: { ok: 1, fault: 1 } });
  });

  it('is not tried again once something of it was read', async () => {
    const dependency = dependencyOf({ retries: 1 });
    const open = jest.fn(() => some(1, new Refused()));
    const items = dependency.stream('read', open, { idempotent: true });
    expect(await items.next()).toEqual({ done: false, value: 0 });
    expect(await caught(items.next())).toBeInstanceOf(DependencyError);
    expect(open).toHaveBeenCalledTimes(1);
    expect(dependency.statistics.counts).toMatchObject({ ok: 0, fault: 1 });
  });

  it('opens the circuit like any other', async () => {
    const dependency = dependencyOf();
    for (let i = 0; i < 5; i += 1) await caught(all(dependency.stream('read', () => some(1, new Refused()))));
    expect(dependency.circuit.at).toBe('open');
    const open = jest.fn(() => some(1));
    expect(await caught(all(dependency.stream('read', open)))).toMatchObject({ reason: 'circuit_open' });
    expect(open).not.toHaveBeenCalled();
  });

  it('says nothing of the dependency when its reader leaves, and ends what it began', async () => {
    const dependency = dependencyOf();
    let signal: AbortSignal | undefined;
    const items = dependency.stream('read', (given) => {
      signal = given;
      return some(3);
    });
    await items.next();
    expect(signal!.aborted).toBe(false);
    await items.return(undefined);
    expect(signal!.reason).toBeInstanceOf(CallerGone);
    expect(dependency.statistics.counts).toMatchObject({ ok: 0, fault: 0, neutral: 1 });
  });

  it('ends when its request does', async () => {
    const dependency = dependencyOf({ concurrencyMax: 1 });
    const items = new Deadline(500).run(() => caught(all(dependency.stream('read', endless))));
    await jest.advanceTimersByTimeAsync(500);
    expect(await items).toBeInstanceOf(DeadlineExceeded);
    expect(dependency.statistics.counts).toMatchObject({ fault: 0, neutral: 1 });
    expect(dependency.concurrency).toMatchObject({ inUse: 0 });
  });

  it('is not begun for a request that is over', async () => {
    const dependency = dependencyOf();
    const deadline = new Deadline(500);
    deadline.abandon();
    const open = jest.fn(() => some(1));
    const items = deadline.run(() => caught(all(dependency.stream('read', open))));
    expect(await items).toBeInstanceOf(CallerGone);
    expect(open).not.toHaveBeenCalled();
  });

  it('is a part of the time of its request until it ends', async () => {
    const context = new RequestContext('id', childOf(undefined));
    const dependency = dependencyOf({ part: 'llm' });
    await context.run(async () => {
      for await (const _item of dependency.stream('read', () => some(1)))
        await jest.advanceTimersByTimeAsync(40);
    });
    expect(context.timings.header()).toMatch(/llm;dur=40/);
  });
});
