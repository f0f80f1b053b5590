/** What a place does to whoever gave it. */
export interface PlaceGiver {
  leave: () => void;
  back: () => void;
  /** @param well whether it did what was asked of it */
  finished: (ownMs: number, well: boolean, startedMs: number) => void;
}

/** A request that was let in. While it waits for somebody else's machine its place is free for another. */
export class Place {
  readonly #startedMs = performance.now();
  #awayMs = 0;
  #awaySinceMs: number | undefined;
  #left = false;

  constructor(private readonly giver: PlaceGiver) {}

  away(): void {
    if (this.#left) return;
    this.#awaySinceMs = performance.now();
    this.giver.leave();
  }

  back(): void {
    if (this.#left) return;
    this.returned();
    this.giver.back();
  }

  /** Only the first call counts. */
  leave(well: boolean): void {
    if (this.#left) return;
    this.#left = true;
    const away = this.#awaySinceMs !== undefined;
    if (away) this.returned();
    else this.giver.leave();
    this.giver.finished(performance.now() - this.#startedMs - this.#awayMs, well, this.#startedMs);
  }

  private returned(): void {
    this.#awayMs += performance.now() - this.#awaySinceMs!;
    this.#awaySinceMs = undefined;
  }
}
