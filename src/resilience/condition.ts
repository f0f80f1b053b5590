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
  #failingSinceMs: number | undefined;
  #reason: Reason | null = null;

  /** @returns whether checks had failed before this one: it is over */
  passed(): boolean {
    const healed = this.#failingSinceMs !== undefined;
    this.#failedChecks = 0;
    this.#failingSinceMs = undefined;
    this.#reason = null;
    return healed;
  }

  /** @param counts false for a check that found no place in the queue: there is much to do, nothing is sick */
  failed(reason: Reason, counts: boolean): void {
    if (counts) this.#failedChecks += 1;
    this.#failingSinceMs ??= performance.now();
    this.#reason = reason;
  }

  /** Down is what lasts: an open circuit alone is a row of faults that may be over in a moment. */
  judge(circuit: CircuitState): { state: DependencyState; reason: Reason | null } {
    if (circuit.at === 'isolated') return { state: 'down', reason: circuit.reason };
    const lasting =
      this.#failingSinceMs !== undefined &&
      this.#failedChecks >= DOWN_AFTER_CHECKS &&
      performance.now() - this.#failingSinceMs >= DOWN_AFTER_MS;
    if (lasting) return { state: 'down', reason: this.#reason };
    if (circuit.at !== 'closed') return { state: 'degraded', reason: circuit.reason };
    if (this.#failingSinceMs !== undefined) return { state: 'degraded', reason: this.#reason };
    return { state: 'up', reason: null };
  }
}
