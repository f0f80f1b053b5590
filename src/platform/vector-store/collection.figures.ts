import type { CollectionView, VectorStore } from './vector-store.js';

// Counting costs more than the check that it is done after.
const REFRESH_MS = 30_000;
const TIMEOUT_MS = 5_000;

/** The collections and their sizes as they were when last looked at, for an operator: asking for it asks nobody. */
export class CollectionFigures {
  private seen: readonly CollectionView[] = [];
  private lookedAtMs = -Infinity;

  constructor(private readonly store: VectorStore) {}

  get facts(): Record<string, unknown> {
    return { collections: Object.fromEntries(this.seen.map(({ name, ...view }) => [name, view])) };
  }

  /** Looks again if it is time, beside whatever else is done: nobody waits for it. */
  refresh(): void {
    const nowMs = performance.now();
    if (nowMs - this.lookedAtMs < REFRESH_MS) return;
    this.lookedAtMs = nowMs;
    this.store.collections(AbortSignal.timeout(TIMEOUT_MS)).then(
      (seen) => {
        this.seen = seen;
      },
      // What was seen last stands, and whether the store is well is for its check to say.
      () => {},
    );
  }
}
