import { shareOf } from './share.js';

describe('shareOf', () => {
  it.each([
    [30_000, 0, 30_000],
    [30_000, 1, 22_000],
    [30_000, 2, 14_000],
    [16_000, 1, 8_000],
    [4_000, 1, 2_000],
    [3_000, 2, 1_000],
    [0, 1, 0],
    [Infinity, 2, Infinity],
  ])('of %d ms with %d behind it is %d ms', (leftMs, followers, shareMs) => {
    expect(shareOf(leftMs, followers, 8_000)).toBe(shareMs);
  });

  it('leaves each who follows at least as much as an equal part, or the room that it needs', () => {
    for (let leftMs = 1; leftMs < 60_000; leftMs += 97) {
      for (let followers = 1; followers < 5; followers += 1) {
        const rest = leftMs - shareOf(leftMs, followers, 8_000);
        expect(rest / followers).toBeGreaterThanOrEqual(Math.min(8_000, leftMs / (followers + 1)) - 1e-6);
      }
    }
  });
});
