import { IMPORTANCE, type Importance } from './importance.js';

/** Somebody who waits to be let in. */
interface Waiter {
  admit(): void;
  refuse(): void;
}

/**
 * Who waits, by importance. The next one is the most important, and of several the newest: in a line that is too long for
 * all, whoever is served first has waited least, and the others are refused in time (Facebook's adaptive LIFO; Maurer,
 * "Fail at Scale", ACM Queue 13/8, 2015).
 */
export class WaitingLine {
  readonly #lines = new Map<Importance, Waiter[]>(IMPORTANCE.map((importance) => [importance, []]));

  /** @param placesMax so many may wait of each importance: one more, and the oldest is refused */
  constructor(private readonly placesMax: number) {}

  get length(): number {
    let length = 0;
    for (const line of this.#lines.values()) length += line.length;
    return length;
  }

  /** @returns whether it was let in within `waitMaxMs` */
  wait(importance: Importance, waitMaxMs: number): Promise<boolean> {
    const line = this.#lines.get(importance)!;
    if (line.length >= this.placesMax) line.shift()!.refuse();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        // Whoever is older has gone before.
        line.splice(line.indexOf(waiter), 1);
        resolve(false);
      }, waitMaxMs);
      const settle = (admitted: boolean) => {
        clearTimeout(timer);
        resolve(admitted);
      };
      const waiter: Waiter = { admit: () => settle(true), refuse: () => settle(false) };
      line.push(waiter);
    });
  }

  /** Lets the next one in for whom there is room. @returns how important it is; undefined when there is nobody */
  admit(hasRoom: (importance: Importance) => boolean): Importance | undefined {
    for (const importance of MOST_FIRST) {
      const line = this.#lines.get(importance)!;
      if (line.length === 0 || !hasRoom(importance)) continue;
      line.pop()!.admit();
      return importance;
    }
    return undefined;
  }
}

const MOST_FIRST = IMPORTANCE.toReversed();
