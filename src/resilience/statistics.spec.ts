import { Statistics } from './statistics.js';

describe('Statistics', () => {
  it('has no latencies before the first call', () => {
    expect(new Statistics().latencies()).toBeUndefined();
  });

  it('counts a refused call without a latency', () => {
    const statistics = new Statistics();
    statistics.record('refused');
    expect(statistics.counts.refused).toBe(1);
    expect(statistics.latencies()).toBeUndefined();
  });

  it('takes the percentiles of the last calls and forgets the older ones', () => {
    const statistics = new Statistics();
    statistics.record('ok', 99_999);
    for (let ms = 1; ms <= 512; ms += 1) statistics.record('ok', ms);
    expect(statistics.latencies()).toEqual({ p50: 257, p95: 487, p99: 507, max: 512 });
  });
});
