import {
  ConsecutiveBreaker,
  CountBreaker,
  CircuitState,
  ExponentialBackoff,
  fullJitterGenerator,
  halfJitterGenerator,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
  type IBackoff,
  type IBreaker,
} from 'cockatiel';

// The only file that knows cockatiel. It lends us its parts that decide (when to break, how long to back off, how to cut
// an attempt short); the loops that join them are ours, because those of the library let an aborted caller wait, retry
// after an abort, and take a client's disconnect for a fault (docs/decisions/0004).

/** Waits between attempts, in milliseconds, growing without limit in number and up to `maxMs` in length. */
export class Backoff {
  #next: IBackoff<unknown> | undefined;

  private constructor(private readonly factory: ExponentialBackoff<number>) {}

  /** From 0 to the full length: spreads many callers that failed in the same moment as wide as can be. */
  static forRetries(minMs: number, maxMs: number): Backoff {
    return new Backoff(
      new ExponentialBackoff({ generator: fullJitterGenerator, initialDelay: minMs, maxDelay: maxMs }),
    );
  }

  /** From half to the full length: a circuit that opens must stay open for a while. */
  static forCircuit(minMs: number, maxMs: number): Backoff {
    return new Backoff(
      new ExponentialBackoff({ generator: halfJitterGenerator, initialDelay: minMs, maxDelay: maxMs }),
    );
  }

  nextMs(): number {
    this.#next = this.#next === undefined ? this.factory.next() : this.#next.next(undefined);
    return this.#next.duration;
  }

  reset(): void {
    this.#next = undefined;
  }
}

/** Decides when a row of faults is long enough to open a circuit: so many in a row, or half of the last `windowCalls`. */
export class Tripwire {
  readonly #breakers: readonly IBreaker[];

  constructor(consecutiveFaults: number, windowCalls: number) {
    this.#breakers = [
      new ConsecutiveBreaker(consecutiveFaults),
      // Counts "more than", and half is meant to be enough.
      new CountBreaker({ threshold: 0.5 - 1e-9, size: windowCalls }),
    ];
  }

  success(): void {
    for (const breaker of this.#breakers) breaker.success(CircuitState.Closed);
  }

  /** @returns whether the circuit should open */
  fault(): boolean {
    return this.#breakers.map((breaker) => breaker.failure(CircuitState.Closed)).includes(true);
  }
}

/** An attempt took longer than it may. */
export class AttemptTimeout extends Error {
  constructor(readonly timeoutMs: number) {
    super(`No answer within ${timeoutMs} ms`);
    this.name = 'AttemptTimeout';
  }
}

/**
 * Runs one attempt for `timeoutMs` at most. It is ended even if `work` ignores its signal; whatever such work still
 * returns is dropped. The signal is not aborted after a success: a stream that was returned goes on.
 * @throws AttemptTimeout when the time is up, the reason of `caller` when that was aborted
 */
export async function attempt<T>(
  work: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number,
  caller: AbortSignal | undefined,
): Promise<T> {
  const policy = timeout(timeoutMs, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false });
  try {
    return await policy.execute(({ signal }) => work(signal), caller);
  } catch (error) {
    if (caller?.aborted) throw caller.reason;
    // Work that obeys its signal rejects with an AbortError of its own making at the same moment.
    if (error instanceof TaskCancelledError || (error as { name?: unknown } | null)?.name === 'AbortError') {
      throw new AttemptTimeout(timeoutMs);
    }
    throw error;
  }
}
