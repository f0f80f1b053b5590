/** Why a caller got no place. */
export class NoPlace extends Error {
  constructor(readonly why: 'queue_full' | 'waited_too_long' | 'flushed') {
    super(`No place in the bulkhead: ${why}`);
    this.name = 'NoPlace';
  }
}

interface Waiter {
  admit(): void;
  refuse(why: Error): void;
}

/**
 * Bounds how many calls are under way at once, so that one slow dependency cannot take every socket and all the memory.
 * Callers beyond that wait in order, each for as long as it may; one that gives up leaves the queue at once.
 */
export class Bulkhead {
  #taken = 0;
  readonly #queue = new Set<Waiter>();

  /**
   * @param placesMax calls at once
   * @param queueMax callers that may wait
   */
  constructor(
    readonly placesMax: number,
    readonly queueMax: number,
  ) {}

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** A place that is free now; undefined when there is none. @returns what gives it back; only its first call counts */
  tryEnter(): (() => void) | undefined {
    if (this.#taken >= this.placesMax) return undefined;
    this.#taken += 1;
    return this.newPlace();
  }

  /**
   * Waits for a place.
   * @returns as `tryEnter`
   * @throws NoPlace, or the reason of the signal when that aborts first
   */
  async enter(waitMaxMs: number, signal: AbortSignal | undefined): Promise<() => void> {
    const free = this.tryEnter();
    if (free !== undefined) return free;
    await this.wait(waitMaxMs, signal);
    return this.newPlace();
  }

  /** Refuses everybody who waits: what they wait for will not be there in time. */
  flush(): void {
    for (const waiter of this.#queue) waiter.refuse(new NoPlace('flushed'));
  }

  private newPlace(): () => void {
    let held = true;
    return () => {
      if (held) this.leave();
      held = false;
    };
  }

  private wait(waitMaxMs: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#queue.size >= this.queueMax) throw new NoPlace('queue_full');
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        this.#queue.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        finish();
      };
      const waiter: Waiter = {
        admit: () => settle(resolve),
        refuse: (why) => settle(() => reject(why)),
      };
      const onAbort = () => waiter.refuse(signal!.reason as Error);
      const timer = setTimeout(() => waiter.refuse(new NoPlace('waited_too_long')), waitMaxMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.add(waiter);
    });
  }

  /** The place goes to whoever has waited longest. */
  private leave(): void {
    const [first] = this.#queue;
    if (first === undefined) this.#taken -= 1;
    else first.admit();
  }
}
