import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { events } from '../telemetry/events.js';
import type { CircuitOptions } from './circuit.js';
import type { DependencyStatus } from './condition.js';
import { Dependency, type DependencyOptions } from './dependency.js';
import { DependencyError, type Fault } from './dependency-error.js';
import { type BootStep, type OpeningFailed, openWithin } from './opening.js';

export interface StateChange {
  at: Date;
  dependency: string;
  from: DependencyStatus['state'];
  to: DependencyStatus['state'];
  reason: DependencyStatus['reason'];
}

/** What a platform says of its dependency. Circuit and retry budget are as the settings say, where it says nothing else. */
export type Registration = Omit<DependencyOptions, 'circuit' | 'retryBudget'> & {
  circuit?: Partial<CircuitOptions>;
};

const CHANGES_KEPT = 100;
// The start does not wait long for what the service can do without.
const OPTIONAL_TIMEOUT_MS = 3_000;

/** Every dependency of this process. Health, diagnostics and the log follow it; none of them knows a platform module. */
@Injectable()
export class Dependencies implements Iterable<Dependency>, OnApplicationShutdown {
  private readonly logger = new Logger(Dependencies.name);
  private readonly byName = new Map<string, Dependency>();
  private readonly recent: StateChange[] = [];
  private readonly steps: BootStep[] = [];

  constructor(private readonly settings: Settings) {}

  /** @throws Error when the name is taken: two dependencies behind one name would hide each other's faults */
  register({ circuit, ...options }: Registration): Dependency {
    if (this.byName.has(options.name))
      throw new Error(`The dependency ${options.name} is registered already`);
    const dependency = new Dependency(
      { ...options, circuit: { ...this.circuit(), ...circuit }, retryBudget: this.retryBudget() },
      (d, was) => this.changed(d, was),
    );
    this.byName.set(options.name, dependency);
    return dependency;
  }

  get(name: string): Dependency | undefined {
    return this.byName.get(name);
  }

  [Symbol.iterator](): Iterator<Dependency> {
    return this.byName.values();
  }

  /** What was opened at the start, in order, and how long it took. */
  get boot(): readonly BootStep[] {
    return this.steps;
  }

  /**
   * Opens a dependency at the start. One that is optional and does not open is left to its background check, which opens it
   * when it can.
   * @param work may return what there is to know of it now, for the step: how fast it answered, say
   * @param name what the step is called, where it is not the dependency's first
   * @throws OpeningFailed when it is critical and did not open within STARTUP_TIMEOUT_MS
   */
  async open(
    dependency: Dependency,
    work: (signal: AbortSignal) => Promise<string | void>,
    name = dependency.name,
  ): Promise<void> {
    const critical = dependency.criticality === 'critical';
    const startedMs = performance.now();
    const done = (verdict: BootStep['verdict'], detail: string) => {
      const step = {
        step: name,
        verdict,
        tookMs: Math.round(performance.now() - startedMs),
        detail,
      };
      this.steps.push(step);
      const text = `${step.step}: ${verdict} in ${step.tookMs} ms (${detail})`;
      if (verdict === 'ok') this.logger.log({ event: events.bootStep, ...step }, text);
      else this.logger.warn({ event: events.bootStep, ...step }, text);
    };
    try {
      const timeoutMs = critical ? this.settings.STARTUP_TIMEOUT_MS : OPTIONAL_TIMEOUT_MS;
      const detail = await openWithin(name, work, (error) => faultOf(error, dependency), timeoutMs);
      dependency.observe(undefined);
      done('ok', [describe(dependency), ...(typeof detail === 'string' ? [detail] : [])].join('; '));
    } catch (error) {
      const failure = error as OpeningFailed;
      dependency.observe(failure.cause);
      done(critical ? 'failed' : 'degraded', failure.message);
      if (critical) throw failure;
    }
  }

  /** The last changes of state, the newest first. */
  changes(): readonly StateChange[] {
    return this.recent.toReversed();
  }

  onApplicationShutdown(): void {
    for (const dependency of this) dependency.stop();
  }

  private changed(dependency: Dependency, was: DependencyStatus): void {
    const { state, reason } = dependency.status;
    if (was.state === state) return;
    this.recent.push({ at: new Date(), dependency: dependency.name, from: was.state, to: state, reason });
    if (this.recent.length > CHANGES_KEPT) this.recent.shift();
    const facts = {
      event: events.dependencyChanged,
      dependency: dependency.name,
      from: was.state,
      to: state,
      reason,
    };
    const text = `${dependency.name} is ${state}${reason === null ? '' : `: ${reason}`}`;
    if (state === 'up') this.logger.log(facts, text);
    else this.logger.warn(facts, text);
  }

  private retryBudget() {
    return { ratio: this.settings.RETRY_BUDGET_PERCENT / 100, floor: this.settings.RETRY_BUDGET_FLOOR };
  }

  private circuit(): CircuitOptions {
    return {
      consecutiveFaults: this.settings.CIRCUIT_CONSECUTIVE_FAULTS,
      windowCalls: this.settings.CIRCUIT_WINDOW_CALLS,
      backoffMinMs: this.settings.CIRCUIT_BACKOFF_MIN_MS,
      backoffMaxMs: this.settings.CIRCUIT_BACKOFF_MAX_MS,
    };
  }
}

/** What opens through a guard fails with its words. A circuit that is open closes again: that is waited for as well. */
function faultOf(error: unknown, dependency: Dependency): Fault | undefined {
  if (!(error instanceof DependencyError)) return dependency.classify(error);
  const { reason, transient, counts } = error;
  return { reason, transient: transient || reason === 'circuit_open', counts };
}

/** `pglite: durable, not shared` */
function describe({ adapter, traits }: Dependency): string {
  return `${adapter}: ${Object.entries(traits)
    .map(([trait, has]) => (has ? trait : `not ${trait}`))
    .join(', ')}`;
}
