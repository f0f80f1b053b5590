import { sleep } from '../kernel/abort.js';
import type { Limits, Rate } from './limits.js';

/** What a provider allows us of one kind, and how much a call spends of it. */
export interface Allowance {
  /** The bucket that all replicas count in: `llm.groq.requests`. */
  name: string;
  rate: Rate;
  /** `request`: each call spends one. `cost`: each call spends the `cost` that it states, its tokens. */
  spends: 'request' | 'cost';
}

/** Keeps the calls to a provider within what it allows. */
export interface Pace {
  limits: Limits;
  allowances: readonly Allowance[];
}

/** It would not be a caller's turn before its time is up. */
export class TurnTooLate extends Error {
  constructor(
    readonly allowance: string,
    readonly waitMs: number,
  ) {
    super(`The limit ${allowance} allows no call for another ${Math.ceil(waitMs)} ms`);
    this.name = 'TurnTooLate';
  }
}

/**
 * Waits until every allowance has room for the call.
 * @param waitMaxMs the longest that it may wait in all
 * @throws TurnTooLate at once when the wait would be longer, the reason of the signal when that aborts first
 */
export async function takeTurn(
  { limits, allowances }: Pace,
  cost: number,
  waitMaxMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const endMs = performance.now() + waitMaxMs;
  // What costs most is asked for first: what was taken before a refusal is lost.
  const dearestFirst = allowances.toSorted(
    (a, b) => Number(a.spends === 'request') - Number(b.spends === 'request'),
  );
  for (const { name, rate, spends } of dearestFirst) {
    for (;;) {
      const grant = await limits.take(name, rate, spends === 'request' ? 1 : cost);
      if (grant.granted) break;
      if (performance.now() + grant.waitMs >= endMs) throw new TurnTooLate(name, grant.waitMs);
      await sleep(grant.waitMs, signal);
    }
  }
}
