import { jest } from '@jest/globals';
import { Doubt, type DoubtOptions, Hung } from './doubt.js';

class NoAnswer extends Error {}

function doubtOf(options: Partial<DoubtOptions> = {}) {
  const ask = jest.fn<(withinMs: number) => Promise<void>>().mockResolvedValue();
  const condemn = jest.fn();
  const isDead = (failure: unknown) => failure instanceof NoAnswer;
  return {
    ask,
    condemn,
    doubt: new Doubt({ afterMs: 350, ask, usualMs: () => 5, isDead, condemn, ...options }),
  };
}

/** A check that nobody answers: it fails when its time is up. */
const unanswered = (withinMs: number) =>
  new Promise<void>((_, reject) => setTimeout(() => reject(new NoAnswer()), withinMs));

describe('Doubt', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('asks nothing while calls are short', async () => {
    const { doubt, ask } = doubtOf();
    for (let i = 0; i < 20; i += 1) {
      const call = doubt.watch();
      await jest.advanceTimersByTimeAsync(100);
      doubt.release(call);
    }
    await jest.advanceTimersByTimeAsync(10_000);
    expect(ask).not.toHaveBeenCalled();
  });

  it('cuts off within a second what a dead dependency will not answer', async () => {
    const { doubt, ask, condemn } = doubtOf();
    ask.mockImplementation(unanswered);
    const call = doubt.watch();
    await jest.advanceTimersByTimeAsync(899);
    expect(call.controller.signal.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(condemn).toHaveBeenCalledTimes(1);
    expect(call.controller.signal.reason).toBeInstanceOf(Hung);
  });

  it('leaves alone what takes long on a dependency that answers', async () => {
    const { doubt, ask, condemn } = doubtOf();
    const call = doubt.watch();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(condemn).not.toHaveBeenCalled();
    expect(call.controller.signal.aborted).toBe(false);
    // Now and then, not once for each of the calls that take long.
    expect(ask.mock.calls.length).toBeLessThanOrEqual(25);
    doubt.stop();
  });

  it('cuts off all that is under way, also what began while it asked: the circuit is open, and nobody is to wait', async () => {
    const { doubt, ask } = doubtOf();
    ask.mockImplementation(unanswered);
    const before = doubt.watch();
    await jest.advanceTimersByTimeAsync(600);
    const after = doubt.watch();
    await jest.advanceTimersByTimeAsync(300);
    expect(before.controller.signal.aborted).toBe(true);
    expect(after.controller.signal.aborted).toBe(true);
  });

  it('condemns nothing for a check that fails for another reason', async () => {
    const { doubt, ask, condemn } = doubtOf();
    ask.mockRejectedValue(new Error('read-only'));
    doubt.watch();
    await jest.advanceTimersByTimeAsync(5_000);
    expect(condemn).not.toHaveBeenCalled();
  });

  it('condemns nothing when it was this process that did not get to run', async () => {
    const { doubt, ask, condemn } = doubtOf();
    ask.mockImplementation((withinMs) => unanswered(2 * withinMs));
    doubt.watch();
    await jest.advanceTimersByTimeAsync(5_000);
    expect(condemn).not.toHaveBeenCalled();
  });

  it('is more patient with what usually answers slowly', async () => {
    const { doubt, ask, condemn } = doubtOf({ usualMs: () => 300 });
    ask.mockImplementation(unanswered);
    doubt.watch();
    await jest.advanceTimersByTimeAsync(350 + 1_199);
    expect(ask).toHaveBeenLastCalledWith(1_200);
    expect(condemn).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(condemn).toHaveBeenCalledTimes(1);
  });

  it('has an end to its patience, whatever the last check took', async () => {
    const { doubt, ask, condemn } = doubtOf({ usualMs: () => 2_900 });
    ask.mockImplementation(unanswered);
    doubt.watch();
    await jest.advanceTimersByTimeAsync(350 + 2_000);
    expect(condemn).toHaveBeenCalledTimes(1);
  });
});
