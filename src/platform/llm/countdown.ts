/** Ends a request when the next sign of life takes too long, or the whole of it does. */
export class Countdown {
  readonly #controller = new AbortController();
  readonly #endMs: number;
  readonly #onAbort: () => void;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param caller whose abort ends it as well
   * @param totalMs for all of it, from now on
   * @param overdue what is wrong when the whole takes too long
   */
  constructor(
    private readonly caller: AbortSignal | undefined,
    totalMs: number,
    private readonly overdue: (afterMs: number) => Error,
  ) {
    this.#endMs = performance.now() + totalMs;
    this.#onAbort = () => this.#controller.abort(caller!.reason);
    if (caller?.aborted === true) this.#onAbort();
    else caller?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on the next thing may take `ms`; then `late` says what is wrong. Takes the place of what was expected before. */
  expect(ms: number, late: (afterMs: number) => Error): void {
    clearTimeout(this.#timer);
    const leftMs = this.#endMs - performance.now();
    const [waitMs, failure] = ms <= leftMs ? [ms, late] : [Math.max(0, leftMs), this.overdue];
    // More than a timer can hold, where nothing limits it.
    if (waitMs > 0x7fffffff) return;
    this.#timer = setTimeout(() => this.#controller.abort(failure(waitMs)), Math.max(0, waitMs));
  }

  /** Nothing is expected for now: it is the caller who takes his time. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.caller?.removeEventListener('abort', this.#onAbort);
  }
}
