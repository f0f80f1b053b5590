import type { CircuitState } from './circuit.js';
import type { Reason } from './dependency-error.js';

export type DependencyState = 'up' | 'degraded' | 'down';

/** `since` and `observedAt` are wall-clock times, for people; nothing is decided by them. */
export interface DependencyStatus {
  state: DependencyState;
  reason: Reason | null;
  since: Date;
  observedAt: Date | null;
}

// A fault that shows in fewer checks, or for less time, is a blip: it degrades, it does not take the service down.
const DOWN_AFTER_CHECKS = 3;
const DOWN_AFTER_MS = 10_000;

/** What the background checks of a dependency have shown lately. */
export class Condition {
  #failedChecks = 0;
  #failing: Reason | undefined;
  /** When it was last known to be well: what lasts is counted from there, not from when somebody happened to look. */
  #wellMs = performance.now();
  #down = false;

  /** @returns whether checks had failed before this one: it is over */
  passed(): boolean {
    const healed = this.#failing !== undefined;
    this.#failedChecks = 0;
    this.#failing = undefined;
    this.#wellMs = performance.now();
    return healed;
  }

  /** @param counts false for a check that found no place in the queue: there is much to do, nothing is sick */
  failed(reason: Reason, counts: boolean): void {
    if (counts) this.#failedChecks += 1;
    this.#failing = reason;
  }

  /** Milliseconds until it is down, if nothing changes; undefined while it is not on the way there. */
  downInMs(): number | undefined {
    if (this.#down || this.#failedChecks < DOWN_AFTER_CHECKS) return undefined;
    return Math.max(0, this.#wellMs + DOWN_AFTER_MS - performance.now());
  }

  /**
   * Down is what lasts: an open circuit alone is a row of faults that may be over in a moment. And it is not over before
   * callers are let in again: the first of them is to succeed.
   */
  judge(circuit: CircuitState): { state: DependencyState; reason: Reason | null } {
    if (circuit.at === 'isolated') return { state: 'down', reason: circuit.reason };
    if (this.downInMs() === 0) this.#down = true;
    else if (this.#failing === undefined && circuit.at === 'closed') this.#down = false;
    const reason = this.#failing ?? (circuit.at === 'closed' ? null : circuit.reason);
    if (this.#down) return { state: 'down', reason };
    if (circuit.at !== 'closed') return { state: 'degraded', reason: circuit.reason };
    return { state: reason === null ? 'up' : 'degraded', reason };
  }
}
