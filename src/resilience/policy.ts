import {
  ConsecutiveBreaker,
  CountBreaker,
  CircuitState,
  ExponentialBackoff,
  fullJitterGenerator,
  halfJitterGenerator,
  noJitterGenerator,
  type GeneratorFn,
  type IBackoff,
  type IBreaker,
} from 'cockatiel';

// The only file that knows cockatiel. It lends us its parts that decide (when to break, how long to back off); what joins
// them is ours, because the library lets an aborted caller wait, retries after an abort, and takes a client's disconnect for
// a fault (docs/decisions/0004). So is the end of an attempt: its own makes a policy, three emitters and a race for each
// call, and cost more than all else in here.

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

  /** A quarter more or less than the full length: long waits that people know as 2, 4 and 8 seconds, and yet not in step. */
  static forBackground(minMs: number, maxMs: number): Backoff {
    return new Backoff(
      new ExponentialBackoff({ generator: quarterJitterGenerator, initialDelay: minMs, maxDelay: maxMs }),
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

const quarterJitterGenerator: GeneratorFn<number> = (attempt, options) => {
  const [delay, state] = noJitterGenerator(attempt, options);
  return [Math.min(options.maxDelay, delay * (0.75 + Math.random() / 2)), state];
};

/** Why a circuit should open: so many faults in a row, or half of the last calls. */
export type Trip = 'row' | 'rate';

// Faults that lie further back than this say nothing about now, however few calls there were since.
const RATE_MEMORY_MS = 60_000;

/** Decides when there are faults enough to open a circuit: so many in a row, or half of the last `windowCalls`. */
export class Tripwire {
  readonly #row: IBreaker;
  #rate: IBreaker;
  #lastFaultMs: number;

  constructor(
    consecutiveFaults: number,
    private readonly windowCalls: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#row = new ConsecutiveBreaker(consecutiveFaults);
    this.#rate = this.newRate();
    this.#lastFaultMs = nowMs();
  }

  success(): void {
    this.#row.success(CircuitState.Closed);
    this.#rate.success(CircuitState.Closed);
  }

  /** @returns why the circuit should open, if it should */
  fault(): Trip | undefined {
    const now = this.nowMs();
    if (now - this.#lastFaultMs > RATE_MEMORY_MS) this.#rate = this.newRate();
    this.#lastFaultMs = now;
    const rate = this.#rate.failure(CircuitState.Closed);
    if (this.#row.failure(CircuitState.Closed)) return 'row';
    return rate ? 'rate' : undefined;
  }

  private newRate(): IBreaker {
    // Counts "more than", and half is meant to be enough.
    return new CountBreaker({ threshold: 0.5 - 1e-9, size: this.windowCalls });
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
  caller?.throwIfAborted();
  const controller = new AbortController();
  const outcome = Promise.withResolvers<T>();
  const end = (reason: unknown) => {
    // Before the work hears of it: what it then throws comes second, whatever it is.
    outcome.reject(reason);
    controller.abort(reason);
  };
  const onAbort = () => end(caller!.reason);
  const timer = setTimeout(() => end(new AttemptTimeout(timeoutMs)), Math.max(0, timeoutMs));
  caller?.addEventListener('abort', onAbort);
  try {
    // No race: it makes four promises for each call.
    work(controller.signal).then(outcome.resolve, outcome.reject);
    return await outcome.promise;
  } catch (error) {
    if (caller?.aborted) throw caller.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    caller?.removeEventListener('abort', onAbort);
  }
}
