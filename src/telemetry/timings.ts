/** What a request's time was spent on, but for our own work. */
export const PARTS = ['queue', 'database', 'vector', 'cache', 'llm', 'web', 'reader'] as const;
export type TimedPart = (typeof PARTS)[number];

// What is waited for at somebody else's machine, for as long as that may take.
const ELSEWHERE: ReadonlySet<TimedPart> = new Set(['llm', 'web', 'reader']);

/** Told when a request begins to wait for somebody else's machine, and when it no longer does. */
export interface Absence {
  away(): void;
  back(): void;
}

/** How long a request took, by what it waited for, as the header `Server-Timing` says it (W3C Server Timing). */
export class Timings {
  readonly #startedMs = performance.now();
  readonly #ms = new Map<TimedPart, number>();
  #underWay = 0;
  #waitingSinceMs = 0;
  #waitedMs = 0;
  #elsewhere = 0;
  absence: Absence | undefined;

  /** Something begins that is waited for. @returns what ends it */
  begin(part: TimedPart): () => void {
    const startedMs = performance.now();
    if (this.#underWay === 0) this.#waitingSinceMs = startedMs;
    this.#underWay += 1;
    const elsewhere = ELSEWHERE.has(part);
    if (elsewhere && (this.#elsewhere += 1) === 1) this.absence?.away();
    return () => {
      const nowMs = performance.now();
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#waitedMs += nowMs - this.#waitingSinceMs;
      this.#ms.set(part, (this.#ms.get(part) ?? 0) + nowMs - startedMs);
      if (elsewhere && (this.#elsewhere -= 1) === 0) this.absence?.back();
    };
  }

  /**
   * So far, in milliseconds: `database;dur=3.1, own;dur=0.8, total;dur=3.9`. Parts that went on side by side count in full
   * each; `own` is the time in which none of them did.
   */
  header(): string {
    const nowMs = performance.now();
    const totalMs = nowMs - this.#startedMs;
    const waitedMs = this.#waitedMs + (this.#underWay > 0 ? nowMs - this.#waitingSinceMs : 0);
    let header = '';
    for (const part of PARTS) {
      const ms = this.#ms.get(part);
      if (ms !== undefined) header += `${entry(part, ms)}, `;
    }
    return `${header}${entry('own', Math.max(0, totalMs - waitedMs))}, ${entry('total', totalMs)}`;
  }
}

function entry(name: string, ms: number): string {
  return `${name};dur=${ms.toFixed(1)}`;
}
