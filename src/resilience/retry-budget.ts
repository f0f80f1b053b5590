export interface RetryBudgetOptions {
  /** Retries may be this share of the calls of the last ten seconds: 0.2 is one in five. */
  ratio: number;
  /** So many retries are allowed in ten seconds, however few calls there were. */
  floor: number;
}

const BUCKETS = 10;
const BUCKET_MS = 1_000;

/**
 * Keeps retries from becoming a load of their own. Each caller by itself retries in good faith; together they multiply the
 * load on something that is failing, and hold it down (Google SRE book, "Handling Overload"). So the calls of one
 * dependency share a budget, counted over a sliding window of ten seconds.
 */
export class RetryBudget {
  readonly #calls = Array.from({ length: BUCKETS }, () => 0);
  readonly #retries = Array.from({ length: BUCKETS }, () => 0);
  #bucket: number;

  constructor(
    private readonly options: RetryBudgetOptions,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#bucket = Math.floor(nowMs() / BUCKET_MS);
  }

  /** One call was made; a retry is not one. */
  call(): void {
    this.advance();
    this.#calls[this.#bucket % BUCKETS]! += 1;
  }

  /** Takes one retry out of the budget. @returns false when there is none left */
  spend(): boolean {
    this.advance();
    const allowed = Math.max(this.options.floor, Math.floor(this.options.ratio * sum(this.#calls)));
    if (sum(this.#retries) >= allowed) return false;
    this.#retries[this.#bucket % BUCKETS]! += 1;
    return true;
  }

  /** Empties the buckets of the seconds that have gone by. */
  private advance(): void {
    const now = Math.floor(this.nowMs() / BUCKET_MS);
    for (let bucket = Math.max(this.#bucket + 1, now - BUCKETS + 1); bucket <= now; bucket += 1) {
      this.#calls[bucket % BUCKETS] = 0;
      this.#retries[bucket % BUCKETS] = 0;
    }
    this.#bucket = now;
  }
}

function sum(counts: readonly number[]): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
