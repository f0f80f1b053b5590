import fc from 'fast-check';
import { RetryBudget } from './retry-budget.js';

function budgetOf(options = { ratio: 0.2, floor: 3 }) {
  let nowMs = 0;
  const budget = new RetryBudget(options, () => nowMs);
  return { budget, pass: (ms: number) => (nowMs += ms) };
}

const spendAll = (budget: RetryBudget) => {
  let spent = 0;
  while (budget.spend()) spent += 1;
  return spent;
};

describe('RetryBudget', () => {
  it('allows the floor where there are few calls', () => {
    const { budget } = budgetOf();
    budget.call();
    expect(spendAll(budget)).toBe(3);
  });

  it('allows a fifth of the calls where there are many', () => {
    const { budget } = budgetOf();
    for (let i = 0; i < 1_000; i += 1) budget.call();
    expect(spendAll(budget)).toBe(200);
  });

  it('forgets calls and retries after ten seconds, second by second', () => {
    const { budget, pass } = budgetOf();
    for (let i = 0; i < 50; i += 1) budget.call();
    pass(5_000);
    for (let i = 0; i < 50; i += 1) budget.call();
    expect(spendAll(budget)).toBe(20);
    pass(5_000);
    // The retries were made with the second half of the calls, and count as long as these.
    expect(spendAll(budget)).toBe(0);
    pass(5_000);
    expect(spendAll(budget)).toBe(3);
  });

  it('is whole again after a pause longer than its window', () => {
    const { budget, pass } = budgetOf();
    expect(spendAll(budget)).toBe(3);
    pass(3_600_000);
    expect(spendAll(budget)).toBe(3);
  });

  it('never allows more than the share of the window or the floor, whatever comes when', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 3_000 }),
      calls: fc.integer({ min: 0, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { budget, pass } = budgetOf();
        let now = 0;
        const retries: number[] = [];
        const calls: number[] = [];
        for (const { waitMs, calls: count } of steps) {
          now += waitMs;
          pass(waitMs);
          for (let i = 0; i < count; i += 1) {
            budget.call();
            calls.push(now);
            if (!budget.spend()) continue;
            retries.push(now);
            // The window is of whole seconds, so nine seconds back are in it for certain, and ten at most.
            const within = (times: number[], ms: number) => times.filter((t) => t > now - ms).length;
            expect(within(retries, 9_000)).toBeLessThanOrEqual(Math.max(3, 0.2 * within(calls, 10_000)));
          }
        }
      }),
    );
  });
});
