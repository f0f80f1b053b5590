import { ci95 } from './estimate.js';

describe('ci95', () => {
  it('is that of the handbook for a sample of three', () => {
    // 4, 5, 6: mean 5, deviation 1, half width 4.303 / √3.
    expect(ci95(3, 5, 1)).toEqual([2.516, 7.484]);
  });

  it('goes by the normal distribution for many values', () => {
    expect(ci95(100, 5, 1)).toEqual([4.804, 5.196]);
  });

  it('stays within what a score can be, and says nothing of one value', () => {
    expect(ci95(2, 9, 3)).toEqual([0, 10]);
    expect(ci95(1, 9, 0)).toBeNull();
  });
});
