import { UsualTimes } from './usual.times.js';

describe('UsualTimes', () => {
  let nowMs = 0;
  const record = (usual: UsualTimes, ms: number) => {
    for (let i = 0; i < 10; i += 1) usual.record('route', ms + (i % 3) - 1, true);
  };

  it('knows nothing of what was hardly done', () => {
    const usual = new UsualTimes(() => nowMs);
    for (let i = 0; i < 9; i += 1) usual.record('route', 5, true);
    for (let i = 0; i < 9; i += 1) usual.record('route', 500, false);
    expect(usual.of('route')).toBeUndefined();
    usual.record('route', 5, true);
    expect(usual.of('route')).toBe(5);
  });

  it('believes less at once, and more as slowly as data grow', () => {
    const usual = new UsualTimes(() => nowMs);
    record(usual, 20);
    record(usual, 10);
    expect(usual.of('route')).toBe(10);
    record(usual, 100);
    expect(usual.of('route')).toBe(10);
    nowMs += 5 * 60_000;
    record(usual, 100);
    expect(usual.of('route')).toBeCloseTo(20);
    nowMs += 60 * 60_000;
    record(usual, 100);
    expect(usual.of('route')).toBe(100);
  });

  it('believes no more of what it saw under overload', () => {
    const usual = new UsualTimes(() => nowMs);
    record(usual, 10);
    for (let i = 0; i < 5; i += 1) usual.record('route', 500, true);
    nowMs += 5 * 60_000;
    usual.forgetRise();
    for (let i = 0; i < 5; i += 1) usual.record('route', 500, true);
    expect(usual.of('route')).toBe(10);
    record(usual, 500);
    expect(usual.of('route')).toBe(10);
  });
});
