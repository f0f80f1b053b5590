// The 97.5 % quantiles of Student's t, by degrees of freedom from 1 to 30; beyond that the normal distribution is as good.
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const NORMAL = 1.96;
const SCORE_MAX = 10;

/**
 * The interval in which the mean lies with a probability of 95 %, by Student's t (NIST/SEMATECH e-Handbook, 1.3.5.2),
 * within what a score can be. null for fewer than two values.
 */
export function ci95(count: number, mean: number, deviation: number): [lo: number, hi: number] | null {
  if (count < 2) return null;
  const half = ((T[count - 2] ?? NORMAL) * deviation) / Math.sqrt(count);
  return [rounded(Math.max(0, mean - half)), rounded(Math.min(SCORE_MAX, mean + half))];
}

export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
