import { stoodStill } from './standstill.js';

/** A call that was cut off because the dependency no longer answered even its own check. */
export class Hung extends Error {
  constructor(cause: unknown) {
    super('It answered neither the call nor a check made meanwhile', { cause });
    this.name = 'Hung';
  }
}

/** A call under way: it is aborted when the dependency turns out to be hung. */
export interface Watched {
  startedMs: number;
  controller: AbortController;
}

export interface DoubtOptions {
  /** A call that takes longer raises doubt. */
  afterMs: number;
  /** The dependency's own cheap check, bounded in time. Rejects when it fails or is not answered. */
  ask: (timeoutMs: number) => Promise<void>;
  /** What that check took when it last succeeded. */
  usualMs: () => number;
  /** Whether that failure means that nothing sent to it is answered. */
  isDead: (failure: unknown) => boolean;
  /** Told before the calls under way are aborted. */
  condemn: (failure: unknown) => void;
}

// Together with `afterMs` a hung dependency is found out within a second. A line with a round trip of half a second is
// slow, and not dead.
const ANSWER_WITHIN_MS = 550;
// One that answers slowly by nature is given so many times what it usually takes.
const PATIENCE = 4;
const ANSWER_WITHIN_MAX_MS = 2_000;
const AGAIN_AFTER_MS = 400;

/**
 * Tells a dependency that hangs from one that has much to do. A call may take long by right, so its time limit says
 * nothing soon; but something that is alive answers a cheap check meanwhile, and something that is dead does not. Then all
 * that is under way is cut off at once, instead of at the time limit of each.
 */
export class Doubt {
  readonly #calls = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: DoubtOptions) {}

  watch(): Watched {
    const call = { startedMs: performance.now(), controller: new AbortController() };
    this.#calls.add(call);
    this.#timer ??= this.after(this.options.afterMs);
    return call;
  }

  release(call: Watched): void {
    this.#calls.delete(call);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  private after(ms: number): NodeJS.Timeout {
    return setTimeout(() => void this.look(), ms).unref();
  }

  private async look(): Promise<void> {
    const [oldest] = this.#calls;
    if (oldest === undefined) {
      this.#timer = undefined;
      return;
    }
    const dueMs = oldest.startedMs + this.options.afterMs - performance.now();
    if (dueMs <= 0) await this.ask();
    this.#timer = this.after(dueMs > 0 ? dueMs : AGAIN_AFTER_MS);
  }

  private async ask(): Promise<void> {
    const startedMs = performance.now();
    const withinMs = Math.min(
      ANSWER_WITHIN_MAX_MS,
      Math.max(ANSWER_WITHIN_MS, PATIENCE * this.options.usualMs()),
    );
    try {
      await this.options.ask(withinMs);
    } catch (failure) {
      if (stoodStill(performance.now() - startedMs, withinMs) || !this.options.isDead(failure)) return;
      this.options.condemn(failure);
      for (const { controller } of this.#calls) controller.abort(new Hung(failure));
    }
  }
}
