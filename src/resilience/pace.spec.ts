import { jest } from '@jest/globals';
import { Limits, type Grant, type Level, type Rate } from './limits.js';
import { takeTurn, TurnTooLate } from './pace.js';

/** Grants what stands in `answers`, in order, and writes down what it was asked. */
class Scripted extends Limits {
  readonly asked: { name: string; rate: Rate; cost: number }[] = [];
  constructor(private readonly answers: Grant[]) {
    super();
  }
  take(name: string, rate: Rate, cost: number): Promise<Grant & Level> {
    this.asked.push({ name, rate, cost });
    return Promise.resolve({ left: 0, fullInMs: 0, ...(this.answers.shift() ?? { granted: true }) });
  }
}

const minute = (amount: number) => ({ amount, perMs: 60_000 });
const requests = { name: 'llm.groq.requests', rate: minute(30), spends: 'request' } as const;
const tokens = { name: 'llm.groq.tokens', rate: minute(6_000), spends: 'cost' } as const;

describe('takeTurn', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('spends one request and the tokens that the call costs', async () => {
    const limits = new Scripted([]);
    await takeTurn({ limits, allowances: [requests, tokens] }, 700, 1_000, undefined);
    expect(limits.asked).toEqual([
      { name: tokens.name, rate: tokens.rate, cost: 700 },
      { name: requests.name, rate: requests.rate, cost: 1 },
    ]);
  });

  it('spends no request on a call that is refused for its tokens', async () => {
    const limits = new Scripted([{ granted: false, waitMs: 5_000 }]);
    const turn = takeTurn({ limits, allowances: [requests, tokens] }, 700, 1_000, undefined);
    await expect(turn).rejects.toMatchObject({ allowance: tokens.name });
    expect(limits.asked.map(({ name }) => name)).toEqual([tokens.name]);
  });

  it('waits for its turn while there is time, and asks again', async () => {
    const limits = new Scripted([{ granted: false, waitMs: 400 }]);
    const turn = takeTurn({ limits, allowances: [requests] }, 1, 1_000, undefined);
    await jest.advanceTimersByTimeAsync(400);
    await turn;
    expect(limits.asked).toHaveLength(2);
  });

  it('does not wait for a turn that would come too late', async () => {
    const limits = new Scripted([{ granted: false, waitMs: 2_000 }]);
    await expect(takeTurn({ limits, allowances: [requests] }, 1, 1_000, undefined)).rejects.toMatchObject({
      name: TurnTooLate.name,
      allowance: requests.name,
      waitMs: 2_000,
    });
  });

  it('stops waiting when the caller leaves', async () => {
    const limits = new Scripted([{ granted: false, waitMs: 800 }]);
    const caller = new AbortController();
    const turn = takeTurn({ limits, allowances: [requests] }, 1, 1_000, caller.signal).catch(
      (e: unknown) => e,
    );
    await jest.advanceTimersByTimeAsync(100);
    caller.abort(new Error('left'));
    expect(await turn).toMatchObject({ message: 'left' });
  });
});
