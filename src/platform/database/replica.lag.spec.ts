import { ReplicaLag } from './replica.lag.js';

describe('ReplicaLag', () => {
  it('knows nothing before the first mark was passed', () => {
    const lag = new ReplicaLag();
    expect(lag.atMostMs(1_000)).toBe(Infinity);
    lag.passed(100n);
    expect(lag.atMostMs(1_000)).toBe(Infinity);
    lag.mark(200n, 1_000);
    lag.passed(199n);
    expect(lag.atMostMs(1_500)).toBe(Infinity);
    lag.passed(200n);
    expect(lag.atMostMs(1_500)).toBe(500);
  });

  it('is the age of the last mark that was passed, not of the first that was not', () => {
    const lag = new ReplicaLag();
    for (const [position, atMs] of [
      [10n, 1_000],
      [20n, 2_000],
      [30n, 3_000],
    ] as const)
      lag.mark(position, atMs);
    lag.passed(25n);
    expect(lag.atMostMs(3_000)).toBe(1_000);
    lag.passed(30n);
    expect(lag.atMostMs(3_000)).toBe(0);
  });

  it('stays small while nobody writes', () => {
    const lag = new ReplicaLag();
    for (let atMs = 0; atMs < 10_000; atMs += 1_000) {
      lag.mark(10n, atMs);
      lag.passed(10n);
      expect(lag.atMostMs(atMs + 100)).toBe(100);
    }
  });

  it('grows while the replica stands still, and while the primary cannot be asked', () => {
    const lag = new ReplicaLag();
    lag.mark(10n, 0);
    lag.passed(10n);
    for (let atMs = 1_000; atMs <= 5_000; atMs += 1_000) {
      lag.mark(10n + BigInt(atMs), atMs);
      lag.passed(10n);
      expect(lag.atMostMs(atMs)).toBe(atMs);
    }
    expect(lag.atMostMs(60_000)).toBe(60_000);
  });

  it('never says less than it is, however long the replica is behind', () => {
    const lag = new ReplicaLag();
    for (let n = 0; n < 2_000; n += 1) lag.mark(BigInt(n), n);
    lag.passed(500n);
    expect(lag.atMostMs(2_000)).toBe(Infinity);
    lag.passed(1_500n);
    expect(lag.atMostMs(2_000)).toBe(500);
  });

  it('knows nothing of what it is no longer a replica of', () => {
    const lag = new ReplicaLag();
    lag.mark(10n, 0);
    lag.passed(10n);
    lag.forget();
    lag.passed(10n);
    expect(lag.atMostMs(100)).toBe(Infinity);
  });
});
