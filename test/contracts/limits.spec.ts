import fc from 'fast-check';
import { MemoryLimits } from '../../src/platform/cache/memory.limits.js';
import type { Rate } from '../../src/resilience/limits.js';
import { limitsContract } from './limits.suite.js';

limitsContract('memory', () => {
  let nowMs = 0;
  return { limits: new MemoryLimits(1, () => nowMs), pass: (ms) => void (nowMs += ms) };
});

describe('MemoryLimits', () => {
  const replicas = (count: number) => {
    const clock = { nowMs: 0 };
    const all = Array.from({ length: count }, () => new MemoryLimits(count, () => clock.nowMs));
    return { clock, all };
  };
  const rates = fc.record({
    amount: fc.integer({ min: 1, max: 200 }),
    perMs: fc.integer({ min: 10, max: 100_000 }),
  });

  it('grants in any stretch of time, over all replicas, no more than the amount and what flows in meanwhile', async () => {
    const steps = fc.array(
      fc.record({
        afterMs: fc.nat({ max: 20_000 }),
        replica: fc.nat(),
        cost: fc.integer({ min: 1, max: 20 }),
      }),
      { maxLength: 200 },
    );
    await fc.assert(
      fc.asyncProperty(rates, fc.integer({ min: 1, max: 5 }), steps, async (rate, count, all) => {
        const { clock, all: limits } = replicas(count);
        const share = rate.amount / count;
        const granted: { atMs: number; cost: number }[] = [];
        for (const { afterMs, replica, cost: asked } of all) {
          clock.nowMs += afterMs;
          // What exceeds a share is owed, which is another test.
          const cost = Math.min(asked, share);
          const grant = await limits[replica % count]!.take('calls', rate, cost);
          if (grant.granted) granted.push({ atMs: clock.nowMs, cost });
        }
        granted.forEach((first, i) => {
          let spent = 0;
          for (const { atMs, cost } of granted.slice(i)) {
            spent += cost;
            const flowed = ((atMs - first.atMs) / rate.perMs) * rate.amount;
            expect(spent).toBeLessThanOrEqual((rate.amount + flowed) * (1 + 1e-3));
          }
        });
      }),
      { numRuns: 200 },
    );
  });

  it('grants a call after the wait that it named, and not a millisecond earlier', async () => {
    const costs = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(rates, costs, async (rate, all) => {
        const clock = { nowMs: 0 };
        const limits = new MemoryLimits(1, () => clock.nowMs);
        for (const cost of all) {
          const grant = await limits.take('calls', rate, cost);
          if (grant.granted) continue;
          clock.nowMs += grant.waitMs - 1;
          expect(await limits.take('calls', rate, cost)).toMatchObject({ granted: false });
          clock.nowMs += 1;
          expect(await limits.take('calls', rate, cost)).toMatchObject({ granted: true });
        }
      }),
    );
  });

  const HOUR: Rate = { amount: 6, perMs: 3_600_000 };
  const spend = async (limits: MemoryLimits, cost = 1) => {
    let granted = 0;
    while ((await limits.take('calls', HOUR, cost)).granted) granted += 1;
    return granted;
  };

  it('allows each replica its share, and together no more than the whole', async () => {
    const { all } = replicas(3);
    expect(await Promise.all(all.map((limits) => spend(limits)))).toEqual([2, 2, 2]);
  });

  it('lets a call through that is larger than a share, and then waits until it is paid for', async () => {
    const { clock, all } = replicas(3);
    const limits = all[0]!;
    expect(await limits.take('calls', HOUR, 6)).toMatchObject({ granted: true });
    // Six, at two an hour.
    expect(await limits.take('calls', HOUR, 2)).toMatchObject({ granted: false, waitMs: 3 * HOUR.perMs });
    clock.nowMs += 3 * HOUR.perMs;
    expect(await limits.take('calls', HOUR, 2)).toMatchObject({ granted: true });
  });

  it('has its share less what was granted elsewhere, and owes nothing of that', async () => {
    const { all } = replicas(3);
    all[0]!.record('calls', HOUR, 1);
    expect(await spend(all[0]!)).toBe(1);
    all[1]!.record('calls', HOUR, 6);
    expect(await all[1]!.take('calls', HOUR, 1)).toMatchObject({ granted: false, waitMs: HOUR.perMs / 2 });
  });

  it('forgets buckets that are full again, and none that is not', async () => {
    const clock = { nowMs: 0 };
    const limits = new MemoryLimits(1, () => clock.nowMs);
    const sizeOf = () => (limits as unknown as { fullAtUs: Map<string, number> }).fullAtUs.size;
    for (let i = 0; i < 999; i += 1) await limits.take(`early ${i}`, HOUR, 1);
    clock.nowMs += HOUR.perMs;
    await limits.take('late', HOUR, 6);
    expect(sizeOf()).toBe(1);
    expect(await limits.take('late', HOUR, 1)).toMatchObject({ granted: false });
  });
});
