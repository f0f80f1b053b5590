import { sleep } from '../kernel/abort.js';
import { RequestContext } from '../telemetry/request.context.js';
import { beginSpan, inSpan } from '../telemetry/tracing.js';
import type { TimedPart } from '../telemetry/timings.js';
import { CallerGone, Deadline, DeadlineExceeded } from '../kernel/deadline.js';
import type { Admission, Admitted } from './admission.js';
import type { Ticket } from './circuit.js';
import { DependencyError, type Fault, type Reason } from './dependency-error.js';
import type { Doubt } from './doubt.js';
import { patienceOf } from './patience.js';
import { attempt } from './policy.js';
import type { RetryBudget } from './retry-budget.js';
import { stoodStill } from './standstill.js';
import type { Outcome } from './statistics.js';

export interface CallOptions {
  /** Doing it twice is the same as doing it once: only then is it tried again. */
  idempotent?: boolean;
  /**
   * There is much that would be lost with it: where the dependency has no connection left, which it then has not been asked
   * for anything on, one is waited for as long as the request has time.
   */
  patient?: boolean;
  /** How long one attempt may take. */
  timeoutMs?: number;
  /** How long the whole call may take, waits and retries included, where that is less than the request has left. */
  withinMs?: number;
  /** An attempt that took this long counts against the circuit even if it succeeded. Default: never. */
  slowMs?: number;
  /** What the call will spend beside the one request, where that is limited: its tokens. */
  cost?: number;
}

/** What stands between a call and the dependency that it is made to. */
export interface Way {
  dependency: string;
  timeoutMs: number;
  retries: number;
  admission: Admission;
  budget: RetryBudget;
  doubt: Doubt | undefined;
  part: TimedPart | undefined;
  record: (operation: string, outcome: Outcome, tookMs?: number) => void;
  /** @param allowed whether there was a retry left in the budget */
  retried: (allowed: boolean) => void;
  classify: (error: unknown) => Fault | undefined;
  suspend: (reason: Reason, ms: number) => void;
  remember: (operation: string, fault: Fault, error: unknown) => void;
}

/** One call, and the time that it has: until `endMs` of the monotonic clock. */
interface Call {
  operation: string;
  timeoutMs: number;
  slowMs: number;
  cost: number;
  deadline: Deadline | undefined;
  endMs: number;
}

// Each stream ends with it. One is enough for all of them: an error is dear, as it looks where it was made.
const OVER = new CallerGone();

/**
 * The way out to one dependency, from the outside in: the deadline of the request; the retries (idempotent operations only,
 * and within a budget); the admission (circuit, rate limits, bulkhead); the timeout of one attempt; the call. The circuit
 * counts attempts; the deadline bounds the whole. A call that waits between two attempts holds no place that another could
 * use.
 */
export class Calls {
  constructor(private readonly way: Way) {}

  /** As `Dependency.call` says. */
  async make<T>(
    operation: string,
    work: (signal: AbortSignal) => Promise<T>,
    options: CallOptions,
  ): Promise<T> {
    const call = this.newCall(operation, options);
    const again = this.patience(call, options);
    for (let first = true; ; first = false) {
      try {
        return await this.attempt(call, work, first);
      } catch (error) {
        await again(error);
      }
    }
  }

  /** As `Dependency.stream` says. */
  async *stream<T>(
    operation: string,
    open: (signal: AbortSignal) => AsyncIterable<T>,
    options: CallOptions,
  ): AsyncGenerator<T> {
    const call = this.newCall(operation, options);
    const again = this.patience(call, options);
    for (let first = true; ; first = false) {
      let begun = false;
      try {
        for await (const item of this.attemptStream(call, open, first)) {
          begun = true;
          yield item;
        }
        return;
      } catch (error) {
        // What was handed on cannot be taken back.
        if (begun) throw error;
        await again(error);
      }
    }
  }

  private newCall(
    operation: string,
    { timeoutMs = this.way.timeoutMs, withinMs = Infinity, slowMs = Infinity, cost = 1 }: CallOptions,
  ): Call {
    const deadline = Deadline.current();
    const endMs = performance.now() + Math.min(deadline?.remainingMs() ?? Infinity, withinMs);
    return { operation, timeoutMs, slowMs, cost, deadline, endMs };
  }

  /** @returns what waits until the next try, or throws the error where there is to be none */
  private patience({ deadline, endMs }: Call, { idempotent = false, patient = false }: CallOptions) {
    const { retries, backoff } = patienceOf(deadline, this.way.retries);
    let tried = 0;
    return async (error: unknown): Promise<void> => {
      if (!(error instanceof DependencyError) || !error.transient) throw error;
      const reachedNobody = patient && deadline !== undefined && error.reason === 'pool_exhausted';
      const again = reachedNobody || (idempotent && tried < retries);
      tried += 1;
      if (!again) throw error;
      const waitMs = Math.max(backoff.nextMs(), error.retryAfterMs ?? 0);
      if (performance.now() + waitMs >= endMs) throw error;
      const allowed = reachedNobody || this.way.budget.spend();
      this.way.retried(allowed);
      if (!allowed) throw error;
      await sleep(waitMs, deadline?.signal);
    };
  }

  /** @param first whether it is a call, of which retries may be a share, or a retry itself */
  private async attempt<T>(
    call: Call,
    work: (signal: AbortSignal) => Promise<T>,
    first: boolean,
  ): Promise<T> {
    const { deadline, timeoutMs, endMs } = call;
    if (deadline?.signal.aborted) throw deadline.signal.reason;
    const { ticket, leave } = await this.enter(call);
    // What was refused reached nobody: it is no call that a retry could be a share of.
    if (first) this.way.budget.call();
    const endPart = this.beginPart();
    const startedMs = performance.now();
    try {
      const result = await inSpan(this.way.dependency, call.operation, () =>
        this.watched(deadline?.signal, (signal) =>
          attempt(work, Math.min(timeoutMs, endMs - startedMs), signal),
        ),
      );
      this.succeeded(call, ticket, performance.now() - startedMs);
      return result;
    } catch (error) {
      throw this.failed(call, ticket, error, performance.now() - startedMs);
    } finally {
      endPart?.();
      leave();
    }
  }

  /** How long the pieces take is for whoever makes them to judge: the time in which the caller reads is his own. */
  private async *attemptStream<T>(
    call: Call,
    open: (signal: AbortSignal) => AsyncIterable<T>,
    first: boolean,
  ): AsyncGenerator<T> {
    const { deadline, operation } = call;
    deadline?.signal.throwIfAborted();
    const { ticket, leave } = await this.enter(call);
    if (first) this.way.budget.call();
    const endPart = this.beginPart();
    const endSpan = beginSpan(this.way.dependency, operation);
    const over = new AbortController();
    const onAbort = () => over.abort(deadline!.signal.reason);
    deadline?.signal.addEventListener('abort', onAbort, { once: true });
    const startedMs = performance.now();
    let failure: unknown;
    // Until it is known how it went: that its reader has left.
    let settle = () => this.way.record(operation, 'neutral', performance.now() - startedMs);
    try {
      yield* open(over.signal);
      settle = () => this.succeeded(call, ticket, performance.now() - startedMs);
    } catch (error) {
      settle = () => {};
      failure = error;
      throw this.failed(call, ticket, error, performance.now() - startedMs);
    } finally {
      settle();
      endPart?.();
      endSpan(failure);
      deadline?.signal.removeEventListener('abort', onAbort);
      over.abort(OVER);
      leave();
    }
  }

  /** From now on it is a part of the time that the request takes. @returns what ends that */
  private beginPart(): (() => void) | undefined {
    const { part } = this.way;
    return part === undefined ? undefined : RequestContext.current()?.timings.begin(part);
  }

  /** Waits for the call's turn: as long as the request has time, or as one attempt may take where nobody waits for it. */
  private async enter({ operation, cost, timeoutMs, deadline, endMs }: Call): Promise<Admitted> {
    const waitMaxMs = Math.min(endMs - performance.now(), deadline === undefined ? timeoutMs : Infinity);
    let endQueue: (() => void) | undefined;
    try {
      const entered = this.way.admission.enter(operation, cost, waitMaxMs, deadline?.signal);
      if (!(entered instanceof Promise)) return entered;
      endQueue = RequestContext.current()?.timings.begin('queue');
      return await entered;
    } catch (error) {
      this.way.record(operation, 'refused');
      throw error;
    } finally {
      endQueue?.();
    }
  }

  /** Runs an attempt under the caller's signal, and where doubt is raised under that of the doubt as well. */
  private watched<T>(
    caller: AbortSignal | undefined,
    run: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    const { doubt } = this.way;
    return doubt === undefined ? run(caller) : this.doubted(doubt, caller, run);
  }

  private async doubted<T>(
    doubt: Doubt,
    caller: AbortSignal | undefined,
    run: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    const watched = doubt.watch();
    const forward = () => watched.controller.abort(caller!.reason);
    caller?.addEventListener('abort', forward, { once: true });
    try {
      return await run(watched.controller.signal);
    } finally {
      caller?.removeEventListener('abort', forward);
      doubt.release(watched);
    }
  }

  private succeeded({ operation, slowMs }: Call, ticket: Ticket, tookMs: number): void {
    const slow = tookMs >= slowMs;
    this.way.record(operation, slow ? 'slow' : 'ok', tookMs);
    if (slow) ticket.fault('slow');
    else ticket.success();
  }

  /** Counts a failure for what it is, and returns what the caller shall see. */
  private failed(call: Call, ticket: Ticket, error: unknown, tookMs: number): unknown {
    const fault = ofItself(this.way.classify(error), tookMs, call);
    if (isCutShort(call, error, fault)) {
      // The request ran out of time or of an audience. That is held against the dependency only if it had been slow.
      const slow = tookMs >= call.slowMs;
      this.way.record(call.operation, slow ? 'fault' : 'neutral', tookMs);
      if (slow) ticket.fault('slow');
      return this.outOfTime(call, error);
    }
    if (fault === undefined) {
      this.way.record(call.operation, 'neutral', tookMs);
      return error;
    }
    this.way.record(call.operation, 'fault', tookMs);
    this.way.remember(call.operation, fault, error);
    if (fault.suspendMs !== undefined) this.way.suspend(fault.reason, fault.suspendMs);
    else if (fault.counts !== false) ticket.fault(fault.reason);
    return new DependencyError(this.way.dependency, call.operation, fault.reason, {
      cause: error,
      transient: fault.transient,
      counts: fault.counts ?? true,
      ...(fault.retryAfterMs !== undefined && { retryAfterMs: fault.retryAfterMs }),
    });
  }

  /** Whose time was up: the request's, or only the share of it that this call was given. */
  private outOfTime({ operation, deadline, endMs }: Call, error: unknown): unknown {
    if (deadline?.signal.aborted) return deadline.signal.reason;
    if (deadline !== undefined && deadline.expiresAtMs <= endMs + DEADLINE_SLACK_MS)
      return new DeadlineExceeded(deadline.budgetMs);
    return new DependencyError(this.way.dependency, operation, 'timeout', { cause: error, counts: false });
  }
}

/** A time limit that this process itself has overslept is no fault that counts. */
function ofItself(fault: Fault | undefined, tookMs: number, { timeoutMs }: Call): Fault | undefined {
  if (fault?.reason !== 'timeout' || !stoodStill(tookMs, timeoutMs)) return fault;
  return { ...fault, counts: false };
}

// Timers are whole milliseconds, and a server that was told how long it may take answers a little before or after that.
const DEADLINE_SLACK_MS = 60;

/** Whether an attempt ended because its request did, or its share of it: by the signal, or by a time limit taken from it. */
function isCutShort({ deadline, endMs }: Call, error: unknown, fault: Fault | undefined): boolean {
  const aborted = deadline?.signal.aborted === true;
  if (!aborted && endMs - performance.now() > DEADLINE_SLACK_MS) return false;
  return (
    (aborted && error === deadline.signal.reason) || fault?.reason === 'timeout' || fault?.reason === 'hung'
  );
}
