// How much the last window counts: what was seconds ago hardly does.
const WEIGHT = 0.2;

/**
 * What this process gets done, as a moving average over windows.
 *
 * `work` is how many requests would be under way on average if each took only as long as it usually does (Little's law,
 * L = λ·W): the number that keeps it busy without making any of them wait.
 */
export class Throughput {
  #done = 0;
  #workMs = 0;
  #perMs = 0;
  #work = 0;

  /** @param usualMs what such a request takes while there is little else to do */
  finished(usualMs: number): void {
    this.#done += 1;
    this.#workMs += usualMs;
  }

  /** Ends a window. @param tookMs how long it was */
  next(tookMs: number): void {
    this.#perMs += WEIGHT * (this.#done / tookMs - this.#perMs);
    this.#work += WEIGHT * (this.#workMs / tookMs - this.#work);
    this.skip();
  }

  /** Ends a window that says nothing. */
  skip(): void {
    [this.#done, this.#workMs] = [0, 0];
  }

  /** What is usual takes so many times as long as it did. */
  scale(factor: number): void {
    this.#work *= factor;
  }

  /** Requests done in `ms`. */
  within(ms: number): number {
    return this.#perMs * ms;
  }

  get work(): number {
    return this.#work;
  }
}
