import type { Level, Rate } from '../../resilience/limits.js';

/**
 * A token bucket, written down as the one moment at which it will be full again (GCRA: ITU-T I.371, annex A). It holds a
 * whole rate and fills evenly, so any stretch of time sees at most what it holds and what flows in meanwhile.
 *
 * Times are whole microseconds: many small ones add up to just the whole, which fractions would miss.
 */
export interface Draft {
  /** How long what is spent takes to flow in again. */
  spendUs: number;
  /** How much of the bucket must be there for that: all of it at most. */
  needUs: number;
  periodUs: number;
}

/** @param share of the rate, from 0 to 1. A cost above the share empties the bucket, and what is over is owed. */
export function draft(rate: Rate, cost: number, share = 1): Draft {
  const periodUs = Math.floor(rate.perMs * 1_000);
  const spendUs = Math.floor((Math.min(cost, rate.amount) / (rate.amount * share)) * periodUs);
  return { spendUs, needUs: Math.min(spendUs, periodUs), periodUs };
}

/** What is in the bucket. @param untilFullUs how long until it is full again */
export function level(rate: Rate, untilFullUs: number, share = 1): Level {
  const { periodUs } = draft(rate, 0, share);
  const leftUs = Math.max(0, periodUs - untilFullUs);
  const left = Math.floor((leftUs * rate.amount * share) / periodUs);
  return { left, fullInMs: Math.ceil(Math.max(0, untilFullUs) / 1_000) };
}
