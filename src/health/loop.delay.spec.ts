import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { delayOf } from './loop.delay.js';

describe('delayOf', () => {
  it('is nothing before the loop was looked at', () => {
    expect(delayOf(monitorEventLoopDelay())).toEqual({ mean: 0, p99: 0, max: 0 });
  });

  it('is told in milliseconds', () => {
    const histogram = createHistogram();
    histogram.record(12_345_678);
    const { mean, p99, max } = delayOf(histogram);
    for (const ms of [mean, p99, max]) expect(ms).toBeCloseTo(12.35, 1);
  });
});
