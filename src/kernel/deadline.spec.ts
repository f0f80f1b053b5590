import { CallerGone, Deadline, DeadlineExceeded } from './deadline.js';

describe('Deadline', () => {
  it('aborts when its time is up', async () => {
    const deadline = new Deadline(10);
    await new Promise((resolve) => deadline.signal.addEventListener('abort', resolve));
    expect(deadline.signal.reason).toBeInstanceOf(DeadlineExceeded);
    expect(deadline.remainingMs()).toBe(0);
  });

  it('aborts when the caller leaves', () => {
    const deadline = new Deadline(60_000);
    deadline.abandon();
    expect(deadline.signal.reason).toBeInstanceOf(CallerGone);
    expect(deadline.remainingMs()).toBe(0);
  });

  it('is found by everything that its work awaits, and by nothing else', async () => {
    const deadline = new Deadline(60_000);
    await deadline.run(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      expect(Deadline.current()).toBe(deadline);
      expect(Deadline.none(() => Deadline.current())).toBeUndefined();
    });
    expect(Deadline.current()).toBeUndefined();
    deadline.release();
  });
});
