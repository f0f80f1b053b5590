import { retryAfterMs } from '../../kernel/retry-after.js';
import type { Fault } from '../../resilience/dependency-error.js';

/** A search that failed. What the other side said is not repeated: it may hold the key. */
export class WebSearchFailed extends Error {
  constructor(
    message: string,
    readonly fault: Fault,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'WebSearchFailed';
  }
}

export function classifyWebSearch(error: unknown): Fault | undefined {
  return error instanceof WebSearchFailed ? error.fault : undefined;
}

// A rate limit that names no time.
const RATE_LIMIT_MS = 2_000;
// What only a person mends: one call now and then finds out whether it was.
const QUOTA_MS = 10 * 60_000;
const KEY_MS = 60_000;
// The plan's limit is reached, or what was paid for is used up: numbers of Tavily's own.
const QUOTA = new Set([402, 432, 433]);

export function failureOfReply(response: Response): WebSearchFailed {
  const waitMs = retryAfterMs(Object.fromEntries(response.headers));
  return new WebSearchFailed(`HTTP ${response.status}`, faultOf(response.status, waitMs));
}

function faultOf(status: number, waitMs: number | undefined): Fault {
  if (QUOTA.has(status)) return { reason: 'quota', transient: false, suspendMs: QUOTA_MS };
  if (status === 401 || status === 403)
    return { reason: 'unauthorized', transient: false, suspendMs: KEY_MS };
  if (status === 429) {
    const suspendMs = waitMs ?? RATE_LIMIT_MS;
    return { reason: 'rate_limited', transient: false, retryAfterMs: suspendMs, suspendMs };
  }
  if (status >= 500) return { reason: 'failed', transient: true };
  return { reason: 'bad_reply', transient: false };
}

/** What it means that no reply came. @returns the error itself where it is none of the provider's doing */
export function failureOfTransport(error: unknown): unknown {
  const { name, cause } = (error ?? {}) as { name?: unknown; cause?: { code?: unknown } };
  if (name === 'TimeoutError')
    return new WebSearchFailed('No answer in time', { reason: 'hung', transient: false }, error);
  // What fetch makes of every failure of a connection. Without such a cause it is a mistake of ours.
  if (name !== 'TypeError' || typeof cause?.code !== 'string') return error;
  return new WebSearchFailed(cause.code, { reason: 'unreachable', transient: true }, error);
}
