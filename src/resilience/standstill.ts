const MUCH_LATER = 1.5;

/**
 * Whether a time limit was noticed so late that it was this process that did not get to run: the answer may be waiting, and
 * what is held against the dependency would be our own doing.
 */
export function stoodStill(tookMs: number, limitMs: number): boolean {
  return tookMs > MUCH_LATER * limitMs;
}
