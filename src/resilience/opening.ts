import { sleep } from '../kernel/abort.js';
import type { BootStep } from './boot.step.js';
import type { Fault, Reason } from './dependency-error.js';

/** A dependency that the service cannot do without did not open. Its cause is the last error met. */
export class OpeningFailed extends Error {
  /** How the whole start stood when it ended for this. */
  steps: readonly BootStep[] = [];

  constructor(
    readonly step: string,
    readonly reason: Reason,
    cause: unknown,
    /** Whether it may well open later, by itself. */
    readonly transient: boolean,
  ) {
    super(`${step} did not open: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'OpeningFailed';
  }
}

const WAIT_MIN_MS = 100;
const WAIT_MAX_MS = 1_000;

/** What an opening needs to know. */
export interface Opening<T> {
  step: string;
  open: (signal: AbortSignal) => Promise<T>;
  classify: (error: unknown) => Fault | undefined;
  timeoutMs: number;
  stopping: AbortSignal;
  /** Told of each try that failed. */
  onFailure: (failure: OpeningFailed) => void;
}

/**
 * Calls `open` until it succeeds, for `timeoutMs` at most. What will not mend itself (a wrong password, a folder in use)
 * ends it at once.
 * @throws OpeningFailed
 */
export async function openWithin<T>({ timeoutMs, stopping, ...opening }: Opening<T>): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new Error(`Not open within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await untilOpen(opening, AbortSignal.any([over.signal, stopping]));
  } finally {
    clearTimeout(timer);
  }
}

async function untilOpen<T>(
  { step, open, classify, onFailure }: Omit<Opening<T>, 'timeoutMs' | 'stopping'>,
  signal: AbortSignal,
): Promise<T> {
  for (let waitMs = WAIT_MIN_MS; ; waitMs = Math.min(2 * waitMs, WAIT_MAX_MS)) {
    try {
      return await open(signal);
    } catch (error) {
      const fault = classify(error);
      const failure = new OpeningFailed(step, fault?.reason ?? 'failed', error, fault?.transient === true);
      onFailure(failure);
      if (!failure.transient || signal.aborted) throw failure;
      try {
        await sleep(waitMs, signal);
      } catch {
        throw failure;
      }
    }
  }
}
