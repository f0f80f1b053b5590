import type { Bulkhead } from './bulkhead.js';
import { NoPlace } from './bulkhead.js';
import type { Circuit, Ticket } from './circuit.js';
import { DependencyError } from './dependency-error.js';
import { type Pace, takeTurn, TurnTooLate } from './pace.js';

/** A call that may go out now: it says how it went by its ticket, and gives its place back. */
export interface Admitted {
  ticket: Ticket;
  leave: () => void;
}

/**
 * What a call must pass before it goes out, in this order: the circuit, its turn within the provider's limits, a place in
 * the bulkhead, and the circuit again, which may have opened meanwhile. Who waits is refused as soon as it opens.
 */
export class Admission {
  constructor(
    private readonly dependency: string,
    private readonly circuit: Circuit,
    private readonly bulkhead: Bulkhead | undefined,
    private readonly pace: Pace | undefined,
  ) {}

  /**
   * A promise only where something is waited for: it costs every call.
   * @param cost what the call will spend beside the one request
   * @param waitMaxMs the longest that it may wait in all
   * @throws DependencyError when it is refused, or the reason of the signal when that aborts first
   */
  enter(
    operation: string,
    cost: number,
    waitMaxMs: number,
    signal: AbortSignal | undefined,
  ): Admitted | Promise<Admitted> {
    this.assertClosed(operation);
    const place = this.placeNow();
    if (place === undefined) return this.wait(operation, cost, waitMaxMs, signal);
    return { ticket: this.ticket(operation, place), leave: place };
  }

  private placeNow(): (() => void) | undefined {
    if (this.pace !== undefined) return undefined;
    return this.bulkhead === undefined ? leave : this.bulkhead.tryEnter();
  }

  private async wait(
    operation: string,
    cost: number,
    waitMaxMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Admitted> {
    const endMs = performance.now() + waitMaxMs;
    try {
      if (this.pace !== undefined) await takeTurn(this.pace, cost, waitMaxMs, signal);
      if (this.bulkhead === undefined) return { ticket: this.ticket(operation), leave };
      const place = await this.bulkhead.enter(endMs - performance.now(), signal);
      return { ticket: this.ticket(operation, place), leave: place };
    } catch (error) {
      throw this.explain(operation, error);
    }
  }

  private assertClosed(operation: string): void {
    if (this.circuit.state.at !== 'closed') throw this.refusal(operation);
  }

  /** Names what keeps callers out: the dependency's own word or the operator's, else the circuit. */
  private refusal(operation: string): DependencyError {
    const { state } = this.circuit;
    const given = state.at === 'isolated' || (state.at === 'open' && state.suspended);
    return new DependencyError(this.dependency, operation, given ? state.reason : 'circuit_open', {
      retryAfterMs: this.circuit.retryAfterMs(),
    });
  }

  private ticket(operation: string, place = leave): Ticket {
    const ticket = this.circuit.admit();
    if (ticket !== undefined) return ticket;
    place();
    throw this.refusal(operation);
  }

  private explain(operation: string, error: unknown): unknown {
    if (error instanceof TurnTooLate) {
      const options = { cause: error, retryAfterMs: error.waitMs, counts: false };
      return new DependencyError(this.dependency, operation, 'rate_limited', options);
    }
    if (!(error instanceof NoPlace)) return error;
    if (error.why === 'flushed') this.assertClosed(operation);
    return new DependencyError(this.dependency, operation, 'overloaded', { cause: error, counts: false });
  }
}

const leave = () => {};
