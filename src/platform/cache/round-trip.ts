import type { RedisLine } from './redis.line.js';

const SAMPLES = 20;
const BUDGET_MS = 500;
// Far longer than any call may take: what is too slow is to be measured as well.
const TIMEOUT_MS = 2_000;

/** How long Redis takes to reply to nothing in particular, in milliseconds. */
export interface RoundTrip {
  p50: number;
  max: number;
  samples: number;
}

/** Measures the round trip when nothing else goes on: at least one, and up to 20 while half a second lasts. */
export async function measureRoundTrip(line: RedisLine): Promise<RoundTrip> {
  const tookMs: number[] = [];
  const endMs = performance.now() + BUDGET_MS;
  do {
    const startMs = performance.now();
    await line.run((redis) => redis.ping(), TIMEOUT_MS);
    tookMs.push(performance.now() - startMs);
  } while (tookMs.length < SAMPLES && performance.now() < endMs);
  tookMs.sort((a, b) => a - b);
  const round = (ms: number) => Math.round(ms * 100) / 100;
  return { p50: round(tookMs[tookMs.length >> 1]!), max: round(tookMs.at(-1)!), samples: tookMs.length };
}
