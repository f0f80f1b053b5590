import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { events } from '../telemetry/events.js';
import { Metrics } from '../telemetry/metrics.js';
import { CallMetrics } from './call.metrics.js';
import type { CircuitOptions } from './circuit.js';
import type { DependencyStatus } from './condition.js';
import type { Reason } from './dependency-error.js';
import { Dependency, type DependencyOptions } from './dependency.js';

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

/** Every dependency of this process. Health, diagnostics and the log follow it; none of them knows a platform module. */
@Injectable()
export class Dependencies implements Iterable<Dependency>, OnApplicationShutdown {
  private readonly logger = new Logger(Dependencies.name);
  private readonly byName = new Map<string, Dependency>();
  private readonly recent: StateChange[] = [];
  private readonly listeners: ((reason: Reason) => void)[] = [];

  private readonly calls: CallMetrics;
  private readonly leftUpMs = new Map<string, number>();

  constructor(
    private readonly settings: Settings,
    metrics: Metrics,
  ) {
    this.calls = new CallMetrics(metrics, (reason) => {
      for (const listener of this.listeners) listener(reason);
    });
  }

  /** @throws Error when the name is taken: two dependencies behind one name would hide each other's faults */
  register({ circuit, ...options }: Registration): Dependency {
    if (this.byName.has(options.name))
      throw new Error(`The dependency ${options.name} is registered already`);
    const dependency = new Dependency(
      { ...options, circuit: { ...this.circuit(), ...circuit }, retryBudget: this.retryBudget() },
      (d, was) => this.changed(d, was),
      this.calls,
    );
    this.byName.set(options.name, dependency);
    return dependency;
  }

  /** Tells of every call and check that fails from now on. */
  onFault(listener: (reason: Reason) => void): void {
    this.listeners.push(listener);
  }

  get(name: string): Dependency | undefined {
    return this.byName.get(name);
  }

  [Symbol.iterator](): Iterator<Dependency> {
    return this.byName.values();
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
    if (was.state === 'up') this.leftUpMs.set(dependency.name, performance.now());
    if (state === 'up')
      this.calls.recovered(dependency.name, performance.now() - this.leftUpMs.get(dependency.name)!);
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
