import { Latencies, type Percentiles } from '../telemetry/latencies.js';

/** How one call ended. `neutral`: neither for nor against the dependency (the caller left, or asked for the impossible). */
export type Outcome = 'ok' | 'slow' | 'fault' | 'neutral' | 'refused';

/** Counts of calls since the start and the latencies of the last ones. */
export class Statistics {
  readonly counts: Record<Outcome, number> = { ok: 0, slow: 0, fault: 0, neutral: 0, refused: 0 };
  retries = 0;
  /** Retries that were not made because the budget was used up. */
  retriesRefused = 0;
  readonly #latencies = new Latencies();

  record(outcome: Outcome, tookMs?: number): void {
    this.counts[outcome] += 1;
    if (tookMs !== undefined) this.#latencies.record(tookMs);
  }

  /** undefined before the first call. */
  latencies(): Percentiles | undefined {
    return this.#latencies.percentiles();
  }
}
