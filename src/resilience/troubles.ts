import type { Cause } from './cause.js';
import type { Reason } from './dependency-error.js';

/** One kind of failure, for as long as it goes on. `since` and `at` are wall-clock times, for people. */
export interface Trouble {
  cause: Cause;
  reason: Reason;
  since: Date;
  at: Date;
  count: number;
  operation: string;
  message: string;
}

// What has not happened for so long is over.
const FORGOTTEN_AFTER_MS = 60_000;

/** What has gone wrong lately with a dependency, by its cause. Also what does not make it unwell: a pool that is empty, a full disk. */
export class Troubles {
  readonly #byCause = new Map<Cause, Trouble & { atMs: number }>();

  note(cause: Cause, reason: Reason, operation: string, message: string): void {
    const now = performance.now();
    const known = this.#byCause.get(cause);
    const goesOn = known !== undefined && now - known.atMs < FORGOTTEN_AFTER_MS;
    this.#byCause.set(cause, {
      cause,
      reason,
      operation,
      message,
      since: goesOn ? known.since : new Date(),
      at: new Date(),
      atMs: now,
      count: goesOn ? known.count + 1 : 1,
    });
  }

  /** @param withinMs how long ago it may have happened last @returns the latest first */
  recent(withinMs = FORGOTTEN_AFTER_MS): readonly Trouble[] {
    const now = performance.now();
    return [...this.#byCause.values()]
      .filter(({ atMs }) => now - atMs < withinMs)
      .toSorted((a, b) => b.atMs - a.atMs)
      .map(({ atMs: _atMs, ...trouble }) => trouble);
  }
}
