import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { sleep } from '../kernel/abort.js';
import { events } from '../telemetry/events.js';
import type { BootStep } from './boot.step.js';
import type { Dependency } from './dependency.js';
import { DependencyError, type Fault, type Reason } from './dependency-error.js';
import { OpeningFailed, openWithin } from './opening.js';
import { remedyOf } from './remedies.js';

/** One thing to be done at the start. */
export interface PlannedStep {
  name: string;
  /** The steps that must be done before it, by name. Without any it is done beside all others. */
  after?: readonly string[];
  /** What it opens, or a part of it: says whether the service can do without it, and what its errors mean. */
  dependency: Dependency;
  /** How long it may take, where that is not what its criticality says. */
  timeoutMs?: number;
  /** May be called again after it failed. @returns what there is to know of it now: how fast it answered, say */
  run: (signal: AbortSignal) => Promise<string | void>;
}

// The start does not wait long for what the service can do without.
const OPTIONAL_TIMEOUT_MS = 3_000;
// A tolerant start listens after so long, whatever is away.
const TOLERANT_WAIT_MS = 1_500;
// Something that refuses us is not asked every second: only its operator can change that.
const REFUSED_AGAIN_MS = 5_000;
const AGAIN_MS = 500;

interface Entry extends PlannedStep {
  view: BootStep;
  startedMs: number;
  /** Resolves when what comes after it may begin; rejects when the start is over. */
  over: PromiseWithResolvers<void>;
}

/**
 * The start as a plan: named steps, those that do not need each other side by side, each with its time, its verdict and,
 * where it is not well, the remedy. Modules add their steps in `onModuleInit`; it is run once, before anything listens.
 */
@Injectable()
export class BootPlan implements OnApplicationShutdown {
  private readonly logger = new Logger('Boot');
  private readonly entries = new Map<string, Entry>();
  private readonly noted: BootStep[] = [];
  private readonly stopping = new AbortController();
  private serving = false;

  constructor(private readonly settings: Settings) {
    this.note('settings', `${settings.ENVIRONMENT}, ${settings.STARTUP_POLICY}`, 0);
  }

  /** @throws Error when there is a step of that name already */
  add(step: PlannedStep): void {
    if (this.entries.has(step.name)) throw new Error(`The start has a step ${step.name} already`);
    const over = Promise.withResolvers<void>();
    over.promise.catch(() => {}); // it is `run` that says so
    const view: BootStep = {
      step: step.name,
      verdict: 'pending',
      took_ms: 0,
      detail: after(step),
      reason: null,
      remedy: null,
    };
    this.entries.set(step.name, { ...step, view, over, startedMs: performance.now() });
  }

  /** Writes down what was done elsewhere. */
  note(step: string, detail: string, tookMs: number): void {
    const took_ms = Math.round(tookMs);
    this.noted.push({ step, verdict: 'ok', took_ms, detail, reason: null, remedy: null });
  }

  /**
   * Does all of it. With STARTUP_POLICY=tolerant it returns soon although a critical dependency is away, and goes on with it
   * in the background.
   * @throws OpeningFailed when something critical did not open in time, or is set up wrongly
   */
  async run(): Promise<void> {
    for (const { name, after: needed = [] } of this.entries.values())
      for (const other of needed)
        if (!this.entries.has(other))
          throw new Error(`The step ${name} comes after ${other}, which there is not`);
    for (const entry of this.entries.values()) void this.execute(entry);
    const all = Promise.all([...this.entries.values()].map(({ over }) => over.promise));
    try {
      await (this.tolerant ? Promise.race([all, sleep(TOLERANT_WAIT_MS, this.stopping.signal)]) : all);
    } catch (error) {
      this.stopping.abort(error);
      if (error instanceof OpeningFailed) error.steps = this.steps;
      throw error;
    }
    this.serving = true;
    for (const entry of this.entries.values()) if (UNDER_WAY.has(entry.view.verdict)) this.wait(entry);
  }

  /** What was done and what is still to do, in the order in which the modules said so. */
  get steps(): readonly BootStep[] {
    const [settings, ...later] = this.noted;
    return [settings!, ...[...this.entries.values()].map(({ view }) => view), ...later];
  }

  /** Whether each step has its verdict: the process has started. */
  get told(): boolean {
    return this.serving;
  }

  /** Whether nothing is still to be done without which the service cannot work. */
  get complete(): boolean {
    return this.serving && [...this.entries.values()].every(({ view }) => DONE.has(view.verdict));
  }

  onApplicationShutdown(): void {
    this.stopping.abort(new Error('The service is stopping'));
  }

  private get tolerant(): boolean {
    return this.settings.STARTUP_POLICY === 'tolerant';
  }

  private async execute(entry: Entry): Promise<void> {
    try {
      await Promise.all((entry.after ?? []).map((name) => this.entries.get(name)!.over.promise));
      entry.startedMs = performance.now();
      entry.view = { ...entry.view, verdict: 'running' };
      const detail = await this.open(entry);
      entry.dependency.observe(undefined);
      const facts = [describe(entry.dependency), ...(typeof detail === 'string' ? [detail] : [])];
      this.conclude(entry, 'ok', facts.join('; '));
      entry.over.resolve();
      if (this.complete) this.logger.log({ event: events.bootReady }, 'Ready: everything is open now');
    } catch (error) {
      this.failed(entry, error);
    }
  }

  /** Until it is open; a start that is strict, or is about what is optional, gives up when the time is over. */
  private async open(entry: Entry): Promise<string | void> {
    const { name, dependency, run } = entry;
    const critical = dependency.criticality === 'critical';
    const timeoutMs = entry.timeoutMs ?? (critical ? this.settings.STARTUP_TIMEOUT_MS : OPTIONAL_TIMEOUT_MS);
    const classify = (error: unknown) => faultOf(error, dependency);
    const onFailure = (failure: OpeningFailed) => this.tried(entry, failure);
    const stopping = this.stopping.signal;
    for (;;) {
      try {
        return await openWithin({ step: name, open: run, classify, timeoutMs, stopping, onFailure });
      } catch (error) {
        const failure = error as OpeningFailed;
        const patient = critical && this.tolerant && (this.serving || failure.transient);
        if (!patient) throw failure;
        await sleep(failure.transient ? AGAIN_MS : REFUSED_AGAIN_MS, this.stopping.signal);
      }
    }
  }

  private failed(entry: Entry, error: unknown): void {
    const { dependency, over } = entry;
    // It was not even begun, or was given up, because the start is over: it is another step that says why.
    if (this.stopping.signal.aborted || !(error instanceof OpeningFailed) || error.step !== entry.name) {
      over.reject(error);
      return;
    }
    const fatal = dependency.criticality === 'critical' || hasExitCode(error.cause);
    this.conclude(entry, fatal ? 'failed' : 'degraded', error.message, error.reason);
    if (fatal) over.reject(error);
    else over.resolve();
  }

  /** It will be tried again, or given up. What is waited for is said again only when it is for another reason. */
  private tried(entry: Entry, { message, reason, cause }: OpeningFailed): void {
    // It was cut off because the start is over.
    if (this.stopping.signal.aborted) return;
    entry.dependency.observe(cause);
    const { view } = entry;
    if (view.verdict === 'waiting' && view.reason !== reason)
      this.conclude(entry, 'waiting', message, reason);
    else entry.view = { ...view, detail: message, reason, remedy: remedyOf(reason) ?? null };
  }

  /** The service goes on without it. */
  private wait(entry: Entry): void {
    this.conclude(entry, 'waiting', entry.view.detail || 'not yet open', entry.view.reason);
  }

  private conclude(
    entry: Entry,
    verdict: BootStep['verdict'],
    detail: string,
    reason: Reason | null = null,
  ): void {
    const remedy = reason === null ? null : (remedyOf(reason) ?? null);
    const took_ms = Math.round(performance.now() - entry.startedMs);
    entry.view = { step: entry.name, verdict, took_ms, detail, reason, remedy };
    const facts = { event: events.bootStep, ...entry.view };
    const text = `${entry.name}: ${verdict} in ${took_ms} ms (${detail})${remedy === null ? '' : ` ${remedy}`}`;
    if (verdict === 'ok') this.logger.log(facts, text);
    else this.logger.warn(facts, text);
  }
}

const UNDER_WAY: ReadonlySet<BootStep['verdict']> = new Set(['pending', 'running']);
const DONE: ReadonlySet<BootStep['verdict']> = new Set(['ok', 'degraded']);

function after({ after: needed = [] }: PlannedStep): string {
  return needed.length === 0 ? '' : `after ${needed.join(', ')}`;
}

/** `pglite: durable, not shared` */
function describe({ adapter, traits }: Dependency): string {
  return `${adapter}: ${Object.entries(traits)
    .map(([trait, has]) => (has ? trait : `not ${trait}`))
    .join(', ')}`;
}

/** An error that knows what the process ends with is about how it was set up: no waiting mends that. */
function hasExitCode(cause: unknown): boolean {
  return typeof (cause as { exitCode?: unknown } | undefined)?.exitCode === 'number';
}

/** What opens through a guard fails with its words. A circuit that is open closes again: that is waited for as well. */
function faultOf(error: unknown, dependency: Dependency): Fault | undefined {
  if (!(error instanceof DependencyError)) return dependency.classify(error);
  const { reason, transient, counts } = error;
  return { reason, transient: transient || reason === 'circuit_open', counts };
}
