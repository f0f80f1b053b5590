import { sleep } from '../kernel/abort.js';
import type { Fault, Reason } from './dependency-error.js';

/** One thing done at the start, as the log and diagnostics show it. */
export interface BootStep {
  step: string;
  /** `degraded`: it failed, and the service can do without it for now. */
  verdict: 'ok' | 'degraded' | 'failed';
  tookMs: number;
  detail: string;
}

/** A dependency that the service cannot do without did not open. Its cause is the last error met. */
export class OpeningFailed extends Error {
  constructor(
    readonly dependency: string,
    readonly reason: Reason,
    cause: unknown,
  ) {
    super(`${dependency} did not open: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'OpeningFailed';
  }
}

const WAIT_MIN_MS = 100;
const WAIT_MAX_MS = 2_000;

/**
 * Calls `open` until it succeeds, for `timeoutMs` at most. What will not mend itself (a wrong password, a folder in use)
 * ends it at once.
 * @throws OpeningFailed
 */
export async function openWithin<T>(
  dependency: string,
  open: (signal: AbortSignal) => Promise<T>,
  classify: (error: unknown) => Fault | undefined,
  timeoutMs: number,
): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs);
  for (let waitMs = WAIT_MIN_MS; ; waitMs = Math.min(2 * waitMs, WAIT_MAX_MS)) {
    try {
      return await open(signal);
    } catch (error) {
      const fault = classify(error);
      if (fault?.transient !== true || signal.aborted)
        throw new OpeningFailed(dependency, fault?.reason ?? 'failed', error);
      try {
        await sleep(waitMs, signal);
      } catch {
        throw new OpeningFailed(dependency, fault.reason, error);
      }
    }
  }
}
