import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The moment by which a whole request must have its answer. Every call out of the process, every wait and every back-off
 * made on behalf of the request draws on the same deadline, so that nothing of it is left running afterwards.
 *
 * Time is monotonic (`performance.now()`): a clock that is set back or forth changes no deadline.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly expiresAtMs: number;

  /**
   * @param budgetMs the time for all of it
   * @param kind `background`: nobody waits for it, so what fails is tried again at longer intervals
   */
  constructor(
    readonly budgetMs: number,
    readonly kind: 'request' | 'background' = 'request',
  ) {
    this.expiresAtMs = performance.now() + budgetMs;
    this.#timer = setTimeout(() => this.#controller.abort(new DeadlineExceeded(budgetMs)), budgetMs);
    this.#timer.unref();
  }

  /** Aborts when the time is up (reason: `DeadlineExceeded`) or the caller has gone away (reason: `CallerGone`). */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Milliseconds left; 0 when the time is up or nobody waits any more, never negative. */
  remainingMs(): number {
    // A timer keeps whole milliseconds, and may end a fraction of one before the clock does.
    return this.signal.aborted ? 0 : Math.max(0, this.expiresAtMs - performance.now());
  }

  /** Ends everything that works under this deadline: nobody waits for the answer any more. */
  abandon(reason: Error = new CallerGone()): void {
    this.#controller.abort(reason);
    this.release();
  }

  /** Frees the timer once the answer has been given. */
  release(): void {
    clearTimeout(this.#timer);
  }

  /** Runs `work` under this deadline: `Deadline.current()` finds it in everything that `work` awaits. */
  run<T>(work: () => T): T {
    return ambient.run(this, work);
  }

  /** The deadline of the request that this code runs for, if it runs for one. */
  static current(): Deadline | undefined {
    return ambient.getStore();
  }

  /** Runs `work` free of any deadline: for background work that a request starts and does not wait for. */
  static none<T>(work: () => T): T {
    return ambient.run(undefined, work);
  }
}

const ambient = new AsyncLocalStorage<Deadline | undefined>();

/** The request's time was up. */
export class DeadlineExceeded extends Error {
  constructor(readonly budgetMs: number) {
    super(`No answer within the request's ${budgetMs} ms`);
    this.name = 'DeadlineExceeded';
  }
}

/** The client closed its connection before the answer was ready. */
export class CallerGone extends Error {
  constructor() {
    super('The client went away before the answer was ready');
    this.name = 'CallerGone';
  }
}
