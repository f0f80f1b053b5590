/** Longer than any outage is waited for without looking: whoever asks for more made a mistake. */
const LONGEST_MS = 24 * 60 * 60 * 1_000;

/**
 * How long a server asks its client to wait, in milliseconds: `retry-after-ms`, which is exact, or `Retry-After` in seconds
 * or as a date (RFC 9110, 10.2.3). A day at most.
 * @returns undefined when it says nothing that can be read
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  nowMs = Date.now(),
): number | undefined {
  const exact = numberOf(headers['retry-after-ms']);
  const ms = exact ?? secondsOrDate(headers['retry-after'], nowMs);
  return ms === undefined ? undefined : Math.min(Math.max(0, ms), LONGEST_MS);
}

function secondsOrDate(header: string | readonly string[] | undefined, nowMs: number): number | undefined {
  const seconds = numberOf(header);
  if (seconds !== undefined) return seconds * 1_000;
  const dateMs = typeof header === 'string' ? Date.parse(header) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : dateMs - nowMs;
}

function numberOf(header: string | readonly string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) : undefined;
}
