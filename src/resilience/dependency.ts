import { sleep } from '../kernel/abort.js';
import { Deadline, DeadlineExceeded } from '../kernel/deadline.js';
import { Circuit, type CircuitOptions, type CircuitState, type Ticket } from './circuit.js';
import { DependencyError, type Fault, type Reason } from './dependency-error.js';
import { attempt, AttemptTimeout, Backoff } from './policy.js';
import { Statistics } from './statistics.js';

/** What an adapter is, said by the adapter itself and shown at the start and in diagnostics. */
export interface Traits {
  /** Survives a restart of this process. */
  durable: boolean;
  /** Seen by every replica. */
  shared: boolean;
  /** Understands meaning, not only words. Said only where it makes sense. */
  semantic?: boolean;
}

export type Criticality = 'critical' | 'optional';

export interface DependencyOptions {
  name: string;
  criticality: Criticality;
  /** The adapter that stands behind it: `postgres`, `pglite`, … */
  adapter: string;
  traits: Traits;
  /** What an error of this adapter means; undefined when it is none of the dependency's doing and is passed on as it is. */
  classify: (error: unknown) => Fault | undefined;
  /** A cheap call that shows that the dependency can do its work. Made in the background only. */
  check: (signal: AbortSignal) => Promise<void>;
  /** What else an operator may want to know of it, out of memory: the state of its pool, say. */
  facts?: () => Record<string, unknown>;
  /** How long one attempt may take, unless the call says otherwise. */
  timeoutMs: number;
  /** Attempts after the first, for idempotent operations. */
  retries?: number;
  circuit: CircuitOptions;
}

export interface CallOptions {
  /** Doing it twice is the same as doing it once: only then is it tried again. */
  idempotent?: boolean;
  timeoutMs?: number;
  /** An attempt that took this long counts against the circuit even if it succeeded. Default: never. */
  slowMs?: number;
}

export type DependencyState = 'up' | 'degraded' | 'down';

/** `since` and `observedAt` are wall-clock times, for people; nothing is decided by them. */
export interface DependencyStatus {
  state: DependencyState;
  reason: Reason | null;
  since: Date;
  observedAt: Date | null;
}

// A fault that shows in fewer checks, or for less time, is a blip: it degrades, it does not take the service down.
const DOWN_AFTER_CHECKS = 3;
const DOWN_AFTER_MS = 10_000;
const RETRY_BACKOFF_MIN_MS = 50;
const RETRY_BACKOFF_MAX_MS = 1_000;

/**
 * Something outside the process, or that stands in for it, and the only way out to it: `call`.
 *
 * From the outside in: the deadline of the request, the retries (idempotent operations only), the circuit, the timeout of
 * one attempt, the call. The circuit counts attempts; the deadline bounds the whole.
 */
export class Dependency {
  readonly statistics = new Statistics();
  readonly #circuit: Circuit;
  #status: DependencyStatus = { state: 'up', reason: null, since: new Date(), observedAt: null };
  #failedChecks = 0;
  #failingSinceMs: number | undefined;
  #checkReason: Reason | null = null;
  #lastError: { at: Date; operation: string; reason: Reason; message: string } | null = null;

  constructor(
    private readonly options: DependencyOptions,
    private readonly onChange: (dependency: Dependency, was: DependencyStatus) => void = () => {},
  ) {
    this.#circuit = new Circuit(
      options.circuit,
      () => this.probe(),
      () => this.update(),
    );
  }

  get name(): string {
    return this.options.name;
  }
  get criticality(): Criticality {
    return this.options.criticality;
  }
  get adapter(): string {
    return this.options.adapter;
  }
  get traits(): Traits {
    return this.options.traits;
  }
  get circuit(): CircuitState {
    return this.#circuit.state;
  }
  get status(): DependencyStatus {
    return this.#status;
  }
  get facts(): Record<string, unknown> {
    return this.options.facts?.() ?? {};
  }
  get lastError() {
    return this.#lastError;
  }

  /** What an error of this dependency's adapter means; undefined when it is none of its doing. */
  classify(error: unknown): Fault | undefined {
    if (error instanceof AttemptTimeout) return { reason: 'timeout', transient: true };
    return this.options.classify(error);
  }

  isolate(): void {
    this.#circuit.isolate();
  }

  reset(): void {
    this.#circuit.reset();
  }

  /** Ends the background work of this dependency, for the end of the process. */
  stop(): void {
    this.#circuit.stop();
  }

  /**
   * Makes a call out of the process. `work` is handed a signal that aborts at the attempt's timeout, at the request's
   * deadline, or when the client goes away.
   * @throws DependencyError when the dependency failed; DeadlineExceeded or CallerGone when the request is over; any other
   * error of `work` as it is
   */
  async call<T>(
    operation: string,
    work: (signal: AbortSignal) => Promise<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const deadline = Deadline.current();
    const backoff = Backoff.forRetries(RETRY_BACKOFF_MIN_MS, RETRY_BACKOFF_MAX_MS);
    const retries = options.idempotent === true ? (this.options.retries ?? 2) : 0;
    for (let tried = 0; ; tried += 1) {
      try {
        return await this.attempt(operation, work, options, deadline);
      } catch (error) {
        if (!(error instanceof DependencyError) || !error.transient || tried >= retries) throw error;
        const waitMs = Math.max(backoff.nextMs(), error.retryAfterMs ?? 0);
        if (waitMs >= (deadline?.remainingMs() ?? Infinity)) throw error;
        this.statistics.retries += 1;
        await sleep(waitMs, deadline?.signal);
      }
    }
  }

  /** Takes in the result of a background check: undefined for a success. */
  observe(failure: unknown): void {
    if (failure === undefined) {
      // The checks had failed too, and no longer do: that is worth more than the wait for the circuit's own probe.
      const healed = this.#failingSinceMs !== undefined;
      this.#failedChecks = 0;
      this.#failingSinceMs = undefined;
      this.#checkReason = null;
      if (healed) this.#circuit.heal();
    } else {
      const fault = this.classify(failure);
      // A check that found no place in the queue says that there is much to do, never that it is down.
      if (fault?.counts !== false) this.#failedChecks += 1;
      this.#failingSinceMs ??= performance.now();
      this.#checkReason = fault?.reason ?? 'failed';
      this.remember('check', this.#checkReason, failure);
    }
    this.update(new Date());
  }

  /** The dependency's own cheap check, bounded in time. Not counted as traffic, and no circuit stands in its way. */
  async check(timeoutMs: number): Promise<void> {
    await Deadline.none(() => attempt((signal) => this.options.check(signal), timeoutMs, undefined));
  }

  private async attempt<T>(
    operation: string,
    work: (signal: AbortSignal) => Promise<T>,
    { timeoutMs = this.options.timeoutMs, slowMs = Infinity }: CallOptions,
    deadline: Deadline | undefined,
  ): Promise<T> {
    if (deadline?.signal.aborted) throw deadline.signal.reason;
    const ticket = this.#circuit.admit();
    if (ticket === undefined) {
      this.statistics.record('refused');
      const reason = this.#circuit.state.at === 'isolated' ? 'isolated' : 'circuit_open';
      throw new DependencyError(this.name, operation, reason, { retryAfterMs: this.#circuit.retryAfterMs() });
    }
    const startedMs = performance.now();
    try {
      const result = await attempt(
        work,
        Math.min(timeoutMs, deadline?.remainingMs() ?? Infinity),
        deadline?.signal,
      );
      this.succeeded(ticket, performance.now() - startedMs, slowMs);
      return result;
    } catch (error) {
      throw this.failed(operation, ticket, error, performance.now() - startedMs, slowMs, deadline);
    }
  }

  private succeeded(ticket: Ticket, tookMs: number, slowMs: number): void {
    const slow = tookMs >= slowMs;
    this.statistics.record(slow ? 'slow' : 'ok', tookMs);
    if (slow) ticket.fault('slow');
    else ticket.success();
  }

  /** Counts a failure for what it is, and returns what the caller shall see. */
  private failed(
    operation: string,
    ticket: Ticket,
    error: unknown,
    tookMs: number,
    slowMs: number,
    deadline: Deadline | undefined,
  ): unknown {
    const fault = this.classify(error);
    if (deadline !== undefined && isCutShort(deadline, error, fault)) {
      // The request ran out of time or of an audience. That is held against the dependency only if it had been slow.
      const slow = tookMs >= slowMs;
      this.statistics.record(slow ? 'fault' : 'neutral', tookMs);
      if (slow) ticket.fault('slow');
      return deadline.signal.aborted ? deadline.signal.reason : new DeadlineExceeded(deadline.budgetMs);
    }
    if (fault === undefined) {
      this.statistics.record('neutral', tookMs);
      return error;
    }
    this.statistics.record('fault', tookMs);
    this.remember(operation, fault.reason, error);
    if (fault.counts !== false) ticket.fault(fault.reason);
    return new DependencyError(this.name, operation, fault.reason, {
      cause: error,
      transient: fault.transient,
      counts: fault.counts ?? true,
      ...(fault.retryAfterMs !== undefined && { retryAfterMs: fault.retryAfterMs }),
    });
  }

  private remember(operation: string, reason: Reason, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#lastError = { at: new Date(), operation, reason, message };
  }

  private async probe(): Promise<void> {
    await this.check(this.options.timeoutMs);
  }

  private update(observedAt = this.#status.observedAt): void {
    const was = this.#status;
    const { state, reason } = this.judge();
    const changed = was.state !== state || was.reason !== reason;
    this.#status = { state, reason, since: was.state === state ? was.since : new Date(), observedAt };
    if (changed) this.onChange(this, was);
  }

  /** Down is what lasts: an open circuit alone is a row of faults that may be over in a moment. */
  private judge(): { state: DependencyState; reason: Reason | null } {
    const circuit = this.#circuit.state;
    if (circuit.at === 'isolated') return { state: 'down', reason: circuit.reason };
    const lasting =
      this.#failingSinceMs !== undefined &&
      this.#failedChecks >= DOWN_AFTER_CHECKS &&
      performance.now() - this.#failingSinceMs >= DOWN_AFTER_MS;
    if (lasting) return { state: 'down', reason: this.#checkReason };
    if (circuit.at !== 'closed') return { state: 'degraded', reason: circuit.reason };
    if (this.#failingSinceMs !== undefined) return { state: 'degraded', reason: this.#checkReason };
    return { state: 'up', reason: null };
  }
}

// Timers are whole milliseconds, and a server that was told how long it may take answers a little before or after that.
const DEADLINE_SLACK_MS = 20;

/** Whether an attempt ended because its request did: by the deadline's own signal, or by a time limit taken from it. */
function isCutShort(deadline: Deadline, error: unknown, fault: Fault | undefined): boolean {
  if (deadline.remainingMs() > DEADLINE_SLACK_MS && !deadline.signal.aborted) return false;
  return error === deadline.signal.reason || fault?.reason === 'timeout' || fault?.reason === 'hung';
}
