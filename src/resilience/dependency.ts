import { Deadline } from '../kernel/deadline.js';
import { Admission } from './admission.js';
import type { TimedPart } from '../telemetry/timings.js';
import { Bulkhead } from './bulkhead.js';
import { Calls, type CallOptions } from './calls.js';
import { type Cause, causeOf } from './cause.js';
import { Circuit, type CircuitOptions, type CircuitState } from './circuit.js';
import { Condition, type DependencyStatus } from './condition.js';
import type { Fault, Reason } from './dependency-error.js';
import { Doubt, Hung } from './doubt.js';
import type { Pace } from './pace.js';
import { attempt, AttemptTimeout } from './policy.js';
import { RetryBudget, type RetryBudgetOptions } from './retry-budget.js';
import { type Outcome, Statistics } from './statistics.js';
import { Troubles } from './troubles.js';

export type { CallOptions } from './calls.js';

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
  /** What the time of its calls counts as in `Server-Timing`. Default: not at all. */
  part?: TimedPart;
  /** What callers get less of while it is away, in a sentence. */
  affects?: string;
  /** The setting that says where it is, which is what to look at when it is not there. */
  setting?: string;
  /** The dependency that it lives in: while that one is unwell, so is this one, and no more is to be said of it. */
  within?: string;
  /** What else an operator may want to know of it, out of memory: the state of its pool, say. */
  facts?: () => Record<string, unknown>;
  /** How long one attempt may take, unless the call says otherwise. */
  timeoutMs: number;
  /**
   * After so long a call raises doubt: if the dependency does not even answer its check then, it hangs, and all that is
   * under way is cut off. Default: never.
   */
  doubtMs?: number;
  /** Attempts after the first, for idempotent operations. */
  retries?: number;
  /** Calls under way at once; further ones queue, in order, for as long as their deadline allows. Default: no limit. */
  concurrencyMax?: number;
  /** What the provider allows us. A call waits for its turn while its deadline allows, and is refused otherwise. */
  pace?: Pace;
  /**
   * Whether another could take its work over now. While none can, a rate of faults does not open the circuit, only a row
   * of nothing else: something that answers every other call is better than nothing.
   */
  hasAlternative?: () => boolean;
  circuit: CircuitOptions;
  retryBudget: RetryBudgetOptions;
}

export interface LastError {
  at: Date;
  operation: string;
  reason: Reason;
  cause: Cause;
  message: string;
}

/** Told of everything that happens to a dependency, for the metrics. */
export interface Watcher {
  called(dependency: string, operation: string, outcome: Outcome, tookMs: number | undefined): void;
  failed(dependency: string, reason: Reason): void;
  retried(dependency: string): void;
  checked(dependency: string, passed: boolean): void;
}

const UNWATCHED: Watcher = { called() {}, failed() {}, retried() {}, checked() {} };

// The words of the vendor's error may hold an address or a user's name, and never more than its first line is needed.
const MESSAGE_CHARACTERS_MAX = 300;

// A probe that is not answered for so long has found nothing well.
const PROBE_TIMEOUT_MS = 3_000;
const PROBE_EVERY_MS = 1_000;
// Callers that wait for a place, for each call that may be under way.
const QUEUE_PER_PLACE = 10;

/**
 * Something outside the process, or that stands in for it, and the only way out to it: `call`.
 *
 * It counts every outcome, and knows from that and from its background checks how it stands.
 */
export class Dependency {
  readonly statistics = new Statistics();
  readonly #circuit: Circuit;
  readonly #bulkhead: Bulkhead | undefined;
  readonly #calls: Calls;
  readonly #doubt: Doubt | undefined;
  readonly #condition = new Condition();
  #checkedAtMs = performance.now();
  #vouchedAtMs = -Infinity;
  #checkTookMs = 0;
  #downTimer: NodeJS.Timeout | undefined;
  #lastCheck: Promise<void> | undefined;
  #status: DependencyStatus = { state: 'up', reason: null, since: new Date(), observedAt: null };
  #lastError: LastError | null = null;
  readonly troubles = new Troubles();

  constructor(
    private readonly options: DependencyOptions,
    private readonly onChange: (dependency: Dependency, was: DependencyStatus) => void = () => {},
    private readonly watcher: Watcher = UNWATCHED,
  ) {
    const { concurrencyMax } = options;
    this.#circuit = new Circuit(
      options.circuit,
      () => this.probe(),
      () => this.circuitChanged(),
      options.hasAlternative,
    );
    if (concurrencyMax !== undefined)
      this.#bulkhead = new Bulkhead(concurrencyMax, QUEUE_PER_PLACE * concurrencyMax);
    if (options.doubtMs !== undefined) this.#doubt = this.newDoubt(options.doubtMs);
    this.#calls = new Calls({
      dependency: options.name,
      timeoutMs: options.timeoutMs,
      retries: options.retries ?? 2,
      admission: new Admission(options.name, this.#circuit, this.#bulkhead, options.pace),
      budget: new RetryBudget(options.retryBudget),
      doubt: this.#doubt,
      part: options.part,
      record: (operation, outcome, tookMs) => this.record(operation, outcome, tookMs),
      retried: (allowed) => this.retried(allowed),
      classify: (error) => this.classify(error),
      suspend: (reason, ms) => this.#circuit.suspend(reason, ms),
      remember: (operation, fault, error) => this.remember(operation, fault, error),
    });
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
  get affects(): string | undefined {
    return this.options.affects;
  }
  get setting(): string | undefined {
    return this.options.setting;
  }
  get within(): string | undefined {
    return this.options.within;
  }
  get facts(): Record<string, unknown> {
    return this.options.facts?.() ?? {};
  }
  /** When it was last looked at, or made, on the monotonic clock. */
  get checkedAtMs(): number {
    return this.#checkedAtMs;
  }
  /** When another process last found it well, on the monotonic clock. */
  get vouchedAtMs(): number {
    return this.#vouchedAtMs;
  }
  get lastError() {
    return this.#lastError;
  }
  /** Calls under way and calls that wait for a place; undefined where there is no limit. */
  get concurrency(): { max: number; inUse: number; waiting: number } | undefined {
    const bulkhead = this.#bulkhead;
    return bulkhead && { max: bulkhead.placesMax, inUse: bulkhead.taken, waiting: bulkhead.waiting };
  }

  /** What an error of this dependency's adapter means; undefined when it is none of its doing. */
  classify(error: unknown): Fault | undefined {
    if (error instanceof AttemptTimeout) return { reason: 'timeout', transient: true };
    // The circuit was opened when that was found out.
    if (error instanceof Hung) return { reason: 'hung', transient: true, counts: false };
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
    this.#doubt?.stop();
    clearTimeout(this.#downTimer);
  }

  /**
   * Makes a call out of the process. `work` is handed a signal that aborts at the attempt's timeout, at the request's
   * deadline, or when the client goes away.
   * @throws DependencyError when the dependency failed; DeadlineExceeded or CallerGone when the request is over; any other
   * error of `work` as it is
   */
  call<T>(
    operation: string,
    work: (signal: AbortSignal) => Promise<T>,
    options: CallOptions = {},
  ): Promise<T> {
    return this.#calls.make(operation, work, options);
  }

  /**
   * The same for what comes piece by piece. The call is over when the last piece was read, or when its reader stops: then
   * the signal aborts. It is tried again only as long as nothing was read. Each piece comes as soon as it is asked for.
   */
  stream<T>(
    operation: string,
    open: (signal: AbortSignal) => AsyncIterable<T>,
    options: CallOptions = {},
  ): AsyncGenerator<T> {
    return this.#calls.stream(operation, open, options);
  }

  /** Takes in the result of a background check: undefined for a success. */
  observe(failure: unknown): void {
    if (failure === undefined) {
      // The checks had failed too, and no longer do: that is worth more than the wait for the circuit's own probe.
      if (this.#condition.passed()) this.#circuit.heal();
    } else {
      const fault = this.classify(failure) ?? { reason: 'failed', transient: false };
      this.#condition.failed(fault.reason, fault.counts !== false);
      this.remember('check', fault, failure);
    }
    this.watcher.checked(this.name, failure === undefined);
    this.update(new Date());
    this.expectDown();
  }

  /** Another process has just found it well: as good as a check of one's own while nothing here says otherwise. */
  vouched(): void {
    this.#vouchedAtMs = performance.now();
    if (this.#status.state === 'up') this.update(new Date());
  }

  /** The dependency's own cheap check, bounded in time. Not counted as traffic, and no circuit stands in its way. */
  async check(timeoutMs: number): Promise<void> {
    const startedMs = performance.now();
    this.#checkedAtMs = startedMs;
    this.#lastCheck = Deadline.none(() =>
      attempt((signal) => this.options.check(signal), timeoutMs, undefined),
    );
    await this.#lastCheck;
    this.#checkTookMs = performance.now() - startedMs;
  }

  private newDoubt(afterMs: number): Doubt {
    const reasonOf = (failure: unknown) => this.classify(failure)?.reason;
    return new Doubt({
      afterMs,
      ask: (timeoutMs) => this.check(timeoutMs),
      usualMs: () => this.#checkTookMs,
      isDead: (failure) => ['timeout', 'hung', 'unreachable'].includes(reasonOf(failure) ?? ''),
      condemn: (failure) => {
        this.remember('check', { reason: 'hung', transient: true }, failure);
        this.#circuit.trip('hung');
      },
    });
  }

  private remember(operation: string, { reason, cause: said }: Fault, error: unknown): void {
    const cause = causeOf(error, reason, said);
    const message = firstLineOf(error);
    this.#lastError = { at: new Date(), operation, reason, cause, message };
    this.troubles.note(cause, reason, operation, message);
    this.watcher.failed(this.name, reason);
  }

  private record(operation: string, outcome: Outcome, tookMs: number | undefined): void {
    this.statistics.record(outcome, tookMs);
    this.watcher.called(this.name, operation, outcome, tookMs);
  }

  private retried(allowed: boolean): void {
    if (!allowed) {
      this.statistics.retriesRefused += 1;
      return;
    }
    this.statistics.retries += 1;
    this.watcher.retried(this.name);
  }

  /** A check that was made a moment ago is as good as another one: what is sick is not asked more than once a second. */
  private async probe(): Promise<void> {
    const recent = performance.now() - this.#checkedAtMs < PROBE_EVERY_MS ? this.#lastCheck : undefined;
    await (recent ?? this.check(Math.min(this.options.timeoutMs, PROBE_TIMEOUT_MS)));
  }

  private circuitChanged(): void {
    if (this.circuit.at !== 'closed') this.#bulkhead?.flush();
    this.update();
  }

  /** It turns when the time has come, and not when somebody next looks. */
  private expectDown(): void {
    clearTimeout(this.#downTimer);
    const ms = this.#condition.downInMs();
    if (ms !== undefined) this.#downTimer = setTimeout(() => this.update(), ms).unref();
  }

  private update(observedAt = this.#status.observedAt): void {
    const was = this.#status;
    const { state, reason } = this.#condition.judge(this.circuit);
    const changed = was.state !== state || was.reason !== reason;
    this.#status = { state, reason, since: was.state === state ? was.since : new Date(), observedAt };
    if (changed) this.onChange(this, was);
  }
}

function firstLineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]!.slice(0, MESSAGE_CHARACTERS_MAX);
}
