/** In milliseconds. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

// Enough for a steady 99th percentile, in 4 KiB.
const KEPT = 512;

/** How long the last things took. */
export class Latencies {
  readonly #ms = new Float64Array(KEPT);
  #recorded = 0;

  record(ms: number): void {
    this.#ms[this.#recorded % KEPT] = ms;
    this.#recorded += 1;
  }

  /** undefined before the first. */
  percentiles(): Percentiles | undefined {
    if (this.#recorded === 0) return undefined;
    const sorted = this.#ms.slice(0, Math.min(this.#recorded, KEPT)).toSorted();
    const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1)! };
  }
}
