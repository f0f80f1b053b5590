/** A ranking that takes part in a fusion: ids, the best first, and how much it counts. */
export interface Ranking {
  ids: readonly string[];
  weight: number;
}

// The constant of the paper: how fast the worth of a rank falls.
const K = 60;

/**
 * Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): each ranking gives its ids weight ÷ (60 + rank).
 * @returns the score of each id, the best first
 */
export function fuse(rankings: readonly Ranking[]): Map<string, number> {
  const scores = new Map<string, number>();
  for (const { ids, weight } of rankings) {
    for (const [rank, id] of ids.entries()) scores.set(id, (scores.get(id) ?? 0) + weight / (K + rank + 1));
  }
  return new Map([...scores].toSorted(([, a], [, b]) => b - a));
}

/**
 * How much a ranking by vectors counts beside one by words. Vectors that know no meaning may add what the words did not
 * find, and must not reorder what they did: their weight is less than the least difference between two neighbouring ranks
 * by words, so that hybrid is never worse than words alone.
 * @param depth how many ids a ranking holds at most
 */
export function vectorWeight(semantic: boolean, depth: number): number {
  return semantic ? 1 : (K + 1) * (1 / (K + depth - 1) - 1 / (K + depth)) * 0.99;
}
