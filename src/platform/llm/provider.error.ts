import { retryAfterMs } from '../../kernel/retry-after.js';
import type { Fault } from '../../resilience/dependency-error.js';

/** A provider failed. What it said is not repeated: it may hold parts of a key or of a prompt. */
export class ProviderFailed extends Error {
  constructor(
    message: string,
    readonly fault: Fault,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'ProviderFailed';
  }
}

/** A provider is well and would not do what it was asked to: somebody else may, and the same again will not help. */
export class ProviderRefused extends Error {
  // Private, so that no log shows it: it may repeat what it was asked.
  readonly #reply: ProviderReply | undefined;

  /**
   * @param param the field that it would not take, where it says which
   * @param reply its own words, for whoever asked in his own
   */
  constructor(
    readonly why: 'context_length' | 'content_filter' | 'invalid_request',
    readonly param?: string,
    reply?: ProviderReply,
  ) {
    super(`The provider refused the request: ${why}`);
    this.name = 'ProviderRefused';
    this.#reply = reply;
  }

  get reply(): ProviderReply | undefined {
    return this.#reply;
  }
}

/** What a provider replied with, word for word. */
export interface ProviderReply {
  status: number;
  body: string;
}

export function classifyProvider(error: unknown): Fault | undefined {
  return error instanceof ProviderFailed ? error.fault : undefined;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

// A rate limit that names no time: long enough to spare the provider, short enough to lose little.
const RATE_LIMIT_MS = 2_000;
// A quota or a key is mended by a person. Until then one call now and then finds out whether it was.
const QUOTA_MS = 10 * 60_000;
const KEY_MS = 60_000;

/** What a reply with a status other than 2xx means. */
export function errorOfReply(
  status: number,
  headers: Headers,
  body: string,
): ProviderFailed | ProviderRefused {
  const { code, param } = saidIn(body);
  const waitMs = retryAfterMs(headers);
  const failed = (fault: Fault) =>
    new ProviderFailed(`HTTP ${status}${code === '' ? '' : ` ${code}`}`, fault);
  const suspended = waitMs === undefined ? {} : { retryAfterMs: waitMs, suspendMs: waitMs };
  if (isQuota(code)) return failed(quota);
  // Some say it with 400, as if it were a mistake in the question.
  if (/invalid_api_key|invalid_authentication/.test(code))
    return failed({ reason: 'unauthorized', transient: false, suspendMs: KEY_MS });
  if (/model_(not_found|decommissioned|deprecated)/.test(code))
    return failed({ reason: 'not_installed', transient: false, suspendMs: KEY_MS, cause: 'unknown_model' });
  switch (status) {
    case 401:
    case 403:
      return failed({ reason: 'unauthorized', transient: false, suspendMs: KEY_MS });
    case 402:
      return failed(quota);
    case 404:
      return failed({ reason: 'not_installed', transient: false, suspendMs: KEY_MS, cause: 'unknown_model' });
    case 408:
      return failed({ reason: 'timeout', transient: true });
    case 429:
      return failed(rateLimited(waitMs));
    case 503:
    case 529:
      return failed({ reason: 'overloaded', transient: true, ...suspended });
    case 502:
    case 504:
      return failed({ reason: 'unreachable', transient: true, ...suspended });
  }
  if (status >= 500) return failed({ reason: 'failed', transient: true, ...suspended });
  if (status < 400) return failed({ reason: 'bad_reply', transient: false });
  return refusalOf(code, param, { status, body });
}

/** What an error means that came inside an answer that had begun well. */
export function errorOfEvent(error: unknown): ProviderFailed | ProviderRefused {
  const code = codeOf(error);
  const failed = (fault: Fault) => new ProviderFailed(`An error inside the answer: ${code}`, fault);
  if (isQuota(code)) return failed(quota);
  if (/rate_limit|too_many_requests|^429$/.test(code)) return failed(rateLimited(undefined));
  if (/context_length|invalid_request|content_filter/.test(code))
    return refusalOf(code, undefined, { status: 400, body: JSON.stringify({ error }) });
  return failed({ reason: 'failed', transient: true });
}

/** What it means that a connection was not made, or did not last. @returns the error itself where it is none of these */
export function errorOfTransport(error: unknown): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return error;
  const reason = /^HPE_|^UND_ERR_RESPONSE/.test(code) ? 'bad_reply' : 'unreachable';
  // A certificate that is wrong is wrong the next time as well.
  return new ProviderFailed(code, { reason, transient: !/CERT|TLS|SSL/.test(code) }, error);
}

export function badReply(message: string, transient = true): ProviderFailed {
  return new ProviderFailed(message, { reason: 'bad_reply', transient });
}

const quota: Fault = { reason: 'quota', transient: false, suspendMs: QUOTA_MS };

function rateLimited(waitMs: number | undefined): Fault {
  const suspendMs = waitMs ?? RATE_LIMIT_MS;
  return { reason: 'rate_limited', transient: false, retryAfterMs: suspendMs, suspendMs };
}

function refusalOf(code: string, param: string | undefined, reply: ProviderReply): ProviderRefused {
  if (/context_length|string_above_max_length/.test(code))
    return new ProviderRefused('context_length', undefined, reply);
  const why = /content_(filter|policy)/.test(code) ? 'content_filter' : 'invalid_request';
  return new ProviderRefused(why, param, reply);
}

function isQuota(code: string): boolean {
  return /insufficient_quota|billing|quota_exceeded/.test(code);
}

function saidIn(body: string): { code: string; param?: string } {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    const { param } = (error ?? {}) as { param?: unknown };
    return { code: codeOf(error), ...(typeof param === 'string' && { param }) };
  } catch {
    return { code: '' }; // a page in HTML, or half of a reply: the status says enough
  }
}

/** The code of an error, or its type; a word of letters, digits and marks, and nothing else that it may hold. */
function codeOf(error: unknown): string {
  const { code, type } = (error ?? {}) as { code?: unknown; type?: unknown };
  const said = [code, type].find((word) => typeof word === 'string' || typeof word === 'number');
  return String(said ?? '')
    .replaceAll(/[^\w.-]/g, '')
    .slice(0, 60);
}
