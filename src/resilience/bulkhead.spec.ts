import { jest } from '@jest/globals';
import { Bulkhead, NoPlace } from './bulkhead.js';

describe('Bulkhead', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const order: string[] = [];
  const named = (name: string, entry: Promise<() => void>) =>
    entry.then((leave) => {
      order.push(name);
      return leave;
    });
  const settled = () => jest.advanceTimersByTimeAsync(0);

  it('lets so many in at once, and the others in the order in which they came', async () => {
    const bulkhead = new Bulkhead(2, 10);
    const [a] = await Promise.all([bulkhead.enter(1_000, undefined), bulkhead.enter(1_000, undefined)]);
    const third = named('third', bulkhead.enter(1_000, undefined));
    void named('fourth', bulkhead.enter(1_000, undefined));
    expect(bulkhead).toMatchObject({ taken: 2, waiting: 2 });
    a();
    (await third)();
    await settled();
    expect(order).toEqual(['third', 'fourth']);
    expect(bulkhead).toMatchObject({ taken: 2, waiting: 0 });
  });

  it('takes a place back once, however often it is given back', async () => {
    const bulkhead = new Bulkhead(2, 0);
    const leave = await bulkhead.enter(1_000, undefined);
    await bulkhead.enter(1_000, undefined);
    leave();
    leave();
    expect(bulkhead.taken).toBe(1);
  });

  it('refuses at once when the queue is full', async () => {
    const bulkhead = new Bulkhead(1, 0);
    await bulkhead.enter(1_000, undefined);
    await expect(bulkhead.enter(1_000, undefined)).rejects.toMatchObject({ why: 'queue_full' });
  });

  it('ends a wait when its time is up, and gives the place to somebody else', async () => {
    const bulkhead = new Bulkhead(1, 10);
    const leave = await bulkhead.enter(1_000, undefined);
    const impatient = bulkhead.enter(50, undefined).catch((e: unknown) => e);
    const patient = bulkhead.enter(5_000, undefined);
    await jest.advanceTimersByTimeAsync(50);
    expect(await impatient).toMatchObject({ why: 'waited_too_long' });
    leave();
    await expect(patient).resolves.toBeInstanceOf(Function);
  });

  it('ends a wait with the reason of the caller who left', async () => {
    const bulkhead = new Bulkhead(1, 10);
    await bulkhead.enter(1_000, undefined);
    const caller = new AbortController();
    const entry = bulkhead.enter(1_000, caller.signal).catch((e: unknown) => e);
    caller.abort(new Error('left'));
    expect(await entry).toMatchObject({ message: 'left' });
    expect(bulkhead.waiting).toBe(0);
  });

  it('refuses all who wait when it is flushed', async () => {
    const bulkhead = new Bulkhead(1, 10);
    await bulkhead.enter(1_000, undefined);
    const entries = [1, 2, 3].map(() => bulkhead.enter(1_000, undefined).catch((e: unknown) => e));
    bulkhead.flush();
    for (const entry of entries) expect(await entry).toBeInstanceOf(NoPlace);
    expect(bulkhead).toMatchObject({ taken: 1, waiting: 0 });
  });
});
