import type { Reason } from './dependency-error.js';
import { Backoff, Tripwire } from './policy.js';

export interface CircuitOptions {
  consecutiveFaults: number;
  windowCalls: number;
  backoffMinMs: number;
  backoffMaxMs: number;
}

/**
 * `retryAtMs` is monotonic (`performance.now()`): the moment of the next probe, or of the end where it is `suspended`.
 */
export type CircuitState =
  | { at: 'closed' }
  | { at: 'open'; reason: Reason; retryAtMs: number; suspended: boolean }
  | { at: 'half_open'; reason: Reason }
  | { at: 'isolated'; reason: Reason };

/** The right to make one call, and the duty to say how it went. Only the first word counts. */
export interface Ticket {
  success(): void;
  fault(reason: Reason): void;
}

/**
 * Keeps callers away from a dependency that is sick.
 *
 * Closed, it counts. Open, it refuses everybody at once, and after a back-off lets one background probe decide: callers
 * never wait for it and never are it. The back-off grows while the dependency stays sick, also when it seems well just
 * long enough to close the circuit. A call that began before the last change of state says nothing about the state after
 * it, so its result is dropped. See Nygard, Release It!, and docs/decisions/0004.
 *
 * A dependency that said itself when to come back (a rate limit, a quota) is `suspended` until then and not probed: its
 * checks would succeed and prove nothing.
 */
export class Circuit {
  #state: CircuitState = { at: 'closed' };
  #generation = 0;
  #tripwire: Tripwire;
  #timer: NodeJS.Timeout | undefined;
  #closedAtMs = -Infinity;
  #lastBackoffMs = 0;
  #relapsed = false;
  #proven = true;
  #stopped = false;
  readonly #backoff: Backoff;

  /**
   * @param probe the dependency's own cheap check; rejects while it is sick, must end by itself
   * @param onChange told of each new state
   * @param hasAlternative whether somebody else could do the work meanwhile. While nobody can, a rate of faults opens
   * nothing: what answers every other call is better than nothing. A row of nothing but faults does.
   */
  constructor(
    private readonly options: CircuitOptions,
    private readonly probe: () => Promise<void>,
    private readonly onChange: (state: CircuitState) => void = () => {},
    private readonly hasAlternative: () => boolean = () => true,
  ) {
    this.#tripwire = this.newTripwire();
    this.#backoff = Backoff.forCircuit(options.backoffMinMs, options.backoffMaxMs);
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** Milliseconds until it is worth asking again; 0 when the circuit is closed. */
  retryAfterMs(): number {
    if (this.#state.at === 'closed') return 0;
    if (this.#state.at === 'open') return Math.max(1, this.#state.retryAtMs - performance.now());
    return this.options.backoffMinMs;
  }

  /** A ticket for one call, or undefined when the circuit refuses it. */
  admit(): Ticket | undefined {
    if (this.#state.at !== 'closed') return undefined;
    const generation = this.#generation;
    let open = true;
    const once = (report: () => void) => {
      if (!open || generation !== this.#generation) return;
      open = false;
      report();
    };
    return {
      success: () =>
        once(() => {
          this.#proven = true;
          this.#tripwire.success();
        }),
      fault: (reason) =>
        once(() => {
          // Slow is not sick: right after an outage nothing is warm yet.
          const believed = this.onProbation && reason !== 'slow';
          const trip = believed ? 'row' : this.#tripwire.fault();
          if (trip === 'row' || (trip === 'rate' && this.hasAlternative())) this.open(reason);
        }),
    };
  }

  /** Holds the circuit open until `reset`, whatever the dependency does. */
  isolate(): void {
    this.become({ at: 'isolated', reason: 'isolated' });
  }

  /** Closes the circuit now and forgets what led to it. */
  reset(): void {
    this.#backoff.reset();
    this.#lastBackoffMs = 0;
    this.close();
  }

  /**
   * Closes an open circuit on the word of somebody who looked. One that is isolated or suspended stays so, and one that
   * opened again right after it had closed waits out its back-off: to look well for a moment is part of that illness.
   */
  heal(): void {
    const state = this.#state;
    if (this.#relapsed) return;
    if ((state.at === 'open' && !state.suspended) || state.at === 'half_open') this.close();
  }

  /** Opens a closed circuit on the word of somebody who looked. */
  trip(reason: Reason): void {
    if (this.#state.at === 'closed') this.open(reason);
  }

  /** Refuses everybody for `ms`, then closes. A longer time that was given before stands, and so does an isolation. */
  suspend(reason: Reason, ms: number): void {
    const state = this.#state;
    const retryAtMs = performance.now() + ms;
    if (state.at === 'isolated' || (state.at === 'open' && state.suspended && state.retryAtMs >= retryAtMs))
      return;
    this.become({ at: 'open', reason, retryAtMs, suspended: true });
    this.after(ms, () => this.close());
  }

  /** Stops probing, for the end of the process. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  private open(reason: Reason): void {
    // It was well for no longer than it had been away: the same illness, so the back-off goes on where it was.
    this.#relapsed = this.justClosed;
    if (!this.#relapsed) this.#backoff.reset();
    this.waitForProbe(reason);
  }

  private get justClosed(): boolean {
    return performance.now() - this.#closedAtMs < 2 * this.#lastBackoffMs;
  }

  /** A probe said that it is well, and no call has said so yet: the first that says otherwise is believed. */
  private get onProbation(): boolean {
    return !this.#proven && this.justClosed;
  }

  private waitForProbe(reason: Reason): void {
    this.#lastBackoffMs = this.#backoff.nextMs();
    const retryAtMs = performance.now() + this.#lastBackoffMs;
    this.become({ at: 'open', reason, retryAtMs, suspended: false });
    this.after(this.#lastBackoffMs, () => void this.tryProbe(reason));
  }

  private after(ms: number, then: () => void): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(then, ms);
    this.#timer.unref();
  }

  private async tryProbe(reason: Reason): Promise<void> {
    this.become({ at: 'half_open', reason });
    const generation = this.#generation;
    const well = await this.probe().then(
      () => true,
      () => false,
    );
    // Isolated or reset in the meantime: the operator's word stands.
    if (generation !== this.#generation) return;
    if (well) this.close();
    else this.waitForProbe(reason);
  }

  private close(): void {
    this.#tripwire = this.newTripwire();
    this.#closedAtMs = performance.now();
    this.#proven = false;
    this.become({ at: 'closed' });
  }

  private become(state: CircuitState): void {
    clearTimeout(this.#timer);
    this.#generation += 1;
    this.#state = state;
    this.onChange(state);
  }

  private newTripwire(): Tripwire {
    return new Tripwire(this.options.consecutiveFaults, this.options.windowCalls);
  }
}
