const SAMPLES = 10;
// What a route usually takes may grow, as its data do: twice as long is believed after so long.
const DOUBLED_AFTER_MS = 5 * 60_000;

interface Usual {
  ms: number;
  atMs: number;
}

/**
 * What each kind of work takes of this process's own time while there is little else to do, as a median: a minimum would
 * be that of the cheapest request that the route ever had.
 *
 * Learnt from the work itself. Less is believed at once, and more slowly: in what takes longer there may be time that it
 * waited behind others, which is the very thing that is to be told by it.
 */
export class UsualTimes {
  readonly #usual = new Map<string, Usual>();
  readonly #samples = new Map<string, number[]>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** In milliseconds; undefined for what has hardly been done yet. */
  of(kind: string): number | undefined {
    return this.#usual.get(kind)?.ms;
  }

  /** @param undisturbed whether there was little else to do: what something takes is first seen only then */
  record(kind: string, ms: number, undisturbed: boolean): void {
    if (!undisturbed && !this.#usual.has(kind)) return;
    const samples = this.#samples.get(kind) ?? [];
    samples.push(ms);
    this.#samples.set(kind, samples);
    if (samples.length < SAMPLES) return;
    this.#samples.delete(kind);
    this.learn(kind, samples.toSorted((a, b) => a - b)[SAMPLES / 2]!);
  }

  /** While all of it waits behind other work it shows nothing but that: from now on anew, and only less is believed. */
  forgetRise(): void {
    this.#samples.clear();
    for (const usual of this.#usual.values()) usual.atMs = this.nowMs();
  }

  /** Everything takes so many times as long as it did, as was seen of some of it. */
  scale(factor: number): void {
    for (const usual of this.#usual.values()) usual.ms *= factor;
  }

  private learn(kind: string, medianMs: number): void {
    const atMs = this.nowMs();
    const before = this.#usual.get(kind);
    const believedMs =
      before === undefined ? Infinity : before.ms * 2 ** ((atMs - before.atMs) / DOUBLED_AFTER_MS);
    this.#usual.set(kind, { ms: Math.min(medianMs, believedMs), atMs });
  }
}
