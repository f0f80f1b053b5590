/** How one call ended. `neutral`: neither for nor against the dependency (the caller left, or asked for the impossible). */
export type Outcome = 'ok' | 'slow' | 'fault' | 'neutral' | 'refused';

export interface Latencies {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

// Enough for a steady 99th percentile, and 4 KiB a dependency.
const LATENCIES_KEPT = 512;

/** Counts of calls since the start and the latencies of the last ones, in milliseconds. */
export class Statistics {
  readonly counts: Record<Outcome, number> = { ok: 0, slow: 0, fault: 0, neutral: 0, refused: 0 };
  retries = 0;
  /** Retries that were not made because the budget was used up. */
  retriesRefused = 0;
  readonly #latencies = new Float64Array(LATENCIES_KEPT);
  #recorded = 0;

  record(outcome: Outcome, tookMs?: number): void {
    this.counts[outcome] += 1;
    if (tookMs === undefined) return;
    this.#latencies[this.#recorded % LATENCIES_KEPT] = tookMs;
    this.#recorded += 1;
  }

  /** undefined before the first call. */
  latencies(): Latencies | undefined {
    if (this.#recorded === 0) return undefined;
    const sorted = this.#latencies.slice(0, Math.min(this.#recorded, LATENCIES_KEPT)).toSorted();
    const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1)! };
  }
}
