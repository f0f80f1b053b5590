import type { monitorEventLoopDelay } from 'node:perf_hooks';

type Histogram = ReturnType<typeof monitorEventLoopDelay>;

/** How late the event loop comes to what is due, in milliseconds; 0 as long as nothing was due. */
export function delayOf(histogram: Pick<Histogram, 'mean' | 'max' | 'percentile'>) {
  return {
    mean: inMs(histogram.mean),
    p99: inMs(histogram.percentile(99)),
    max: inMs(histogram.max),
  };
}

/** @param ns NaN for the mean of nothing */
function inMs(ns: number): number {
  return Number.isNaN(ns) ? 0 : Math.round(ns / 1e4) / 100;
}
