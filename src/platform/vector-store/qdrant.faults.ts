import type { Fault } from '../../resilience/dependency-error.js';
import { RETRY_AFTER } from './qdrant.client.js';

/** What came back is not what Qdrant answers: something else stands at that address, or between it and us. */
export class UnexpectedReply extends Error {
  constructor(operation: string) {
    super(`The reply to ${operation} holds no result: is this a Qdrant?`);
    this.name = 'UnexpectedReply';
  }
}

// What a provider that names no time for its limit is given.
const RATE_LIMITED_MS = 1_000;

/** What an error of the Qdrant client means; undefined when it is none of the server's doing. */
export function classifyQdrant(error: unknown): Fault | undefined {
  if (error instanceof UnexpectedReply) return { reason: 'bad_reply', transient: true };
  // A reply that was cut off, under a status that promised a whole one.
  if (nameOf(error) === 'SyntaxError') return { reason: 'bad_reply', transient: true };
  if (isReply(error)) return ofStatus(error);
  if (nameOf(error) === 'TypeError') return ofConnection(error as TypeError);
  // A status that is neither an error nor the success that the client looks for.
  if (nameOf(error) === 'QdrantClientUnexpectedResponseError')
    return { reason: 'bad_reply', transient: true };
  return undefined;
}

interface Reply extends Error {
  status: number;
  headers: Headers;
  data: unknown;
}

function isReply(error: unknown): error is Reply {
  return (
    error instanceof Error && 'status' in error && 'headers' in error && error.headers instanceof Headers
  );
}

// By its name: what `fetch` throws may be of another realm than ours, where no `instanceof` holds.
function nameOf(error: unknown): unknown {
  return (error as { name?: unknown } | undefined)?.name;
}

function ofStatus(reply: Reply): Fault | undefined {
  const { status } = reply;
  const retryAfterMs = readRetryAfter(reply.headers.get(RETRY_AFTER), Date.now());
  const asked = retryAfterMs !== undefined && { retryAfterMs };
  if (status === 429) {
    const waitMs = retryAfterMs ?? RATE_LIMITED_MS;
    // Not one to wait and try again for: a search goes by words at once, and a job comes again anyway.
    return { reason: 'rate_limited', transient: false, retryAfterMs: waitMs, suspendMs: waitMs };
  }
  if (status === 401 || status === 403) return { reason: 'unauthorized', transient: false };
  if (/no space left on device|not enough space|disk.*full/i.test(wordsOf(reply)))
    return { reason: 'storage_full', transient: false };
  // Somebody rebuilt the collection for another model: no vector of ours fits until we are that model too.
  if (/vector dimension error/i.test(wordsOf(reply)))
    return { reason: 'mismatch', transient: false, counts: false };
  if (status === 408 || status === 504) return { reason: 'timeout', transient: true };
  if (status === 503) return { reason: 'overloaded', transient: true, ...asked };
  if (status === 502) return { reason: 'unreachable', transient: true, ...asked };
  if (status >= 500) return { reason: 'failed', transient: true, ...asked };
  // Something else stands at that address, or it does not understand us: whatever it is, it finds nothing. A request that
  // was wrong says nothing of its health.
  return { reason: 'bad_reply', transient: false, counts: status !== 400 && status !== 422 };
}

function wordsOf({ data }: Reply): string {
  return typeof data === 'string' ? data : JSON.stringify(data ?? '');
}

/** The words of `fetch` for a connection that did not come about, or ended too soon. Its cause says why, if it is known. */
function ofConnection({ message, cause }: TypeError): Fault | undefined {
  if (message !== 'fetch failed' && message !== 'terminated') return undefined;
  const code = String((cause as { code?: unknown } | undefined)?.code);
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { reason: 'hung', transient: true };
  // A certificate does not get better by asking again.
  if (/CERT|TLS|SELF_SIGNED|UNABLE_TO_/.test(code)) return { reason: 'failed', transient: false };
  return { reason: 'unreachable', transient: true };
}

/**
 * How long `Retry-After` asks to wait: a number of seconds or an HTTP date.
 * @param nowMs the wall clock, which the date is by
 * @returns milliseconds; undefined when there is none or it is neither
 */
export function readRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header) * 1_000;
  // A date begins with its weekday; of other texts the parser would make something too.
  const atMs = /^\s*[A-Z][a-z]+,? /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
