import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Dependencies } from '../resilience/dependencies.js';
import type { Dependency } from '../resilience/dependency.js';
import { Fleet } from '../resilience/fleet.js';

// Replicas that start together must not go on checking together.
const JITTER = 0.2;
const CHECK_TIMEOUT_MS = 3_000;
// A check that hangs and the two behind it must have failed within the ten seconds in which readiness is to turn.
const CRITICAL_INTERVAL_MS = 2_000;
// What is unwell is looked at more often, so that it is used again soon after it has healed. A check that hangs is not
// waited for: whether the dependency is well again is for the next one to find out.
const UNWELL_INTERVAL_MS = 1_000;
const UNWELL_CHECKS_MAX = 3;
const LOOK_EVERY_MS = 250;
const VOUCHED = 'vouched';
// Another replica's word says nothing of our own line: so often that one is looked at in any case.
const OWN_CHECK_EVERY = 6;

/** Checks each dependency in the background, so that no probe ever has to: probes read what was found. */
@Injectable()
export class Sampler implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly timers = new Map<Dependency, NodeJS.Timeout>();
  private readonly underWay = new Map<Dependency, number>();
  private readonly jitter = new Map<Dependency, number>();
  /** When the check began that was observed last. */
  private readonly observed = new Map<Dependency, number>();
  private deaf: () => void = () => {};
  private stopped = false;

  constructor(
    private readonly dependencies: Dependencies,
    private readonly settings: Settings,
    private readonly fleet: Fleet,
  ) {}

  onApplicationBootstrap(): void {
    this.deaf = this.fleet.hear(VOUCHED, ({ dependency: name }) => {
      const dependency = this.dependencies.get(String(name));
      if (dependency !== undefined && isVouchedFor(dependency)) dependency.vouched();
    });
    for (const dependency of this.dependencies) this.schedule(dependency);
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    this.deaf();
    for (const timer of this.timers.values()) clearTimeout(timer);
  }

  private schedule(dependency: Dependency): void {
    const timer = setTimeout(() => {
      this.look(dependency);
      this.schedule(dependency);
    }, this.lookEveryMs);
    timer.unref();
    this.timers.set(dependency, timer);
  }

  private get lookEveryMs(): number {
    return Math.min(LOOK_EVERY_MS, this.settings.HEALTH_INTERVAL_MS / 4);
  }

  /** Checks it if it is time. The circuit and doubt check as well: what is sick is not to have more of it for that. */
  private look(dependency: Dependency): void {
    const unwell = isUnwell(dependency);
    const intervalMs = unwell
      ? Math.min(UNWELL_INTERVAL_MS, this.settings.HEALTH_INTERVAL_MS)
      : this.intervalMs(dependency) * this.jitterOf(dependency);
    const underWay = this.underWay.get(dependency) ?? 0;
    const own = performance.now() - dependency.checkedAtMs;
    const age = performance.now() - dependency.vouchedAtMs;
    const isFresh = own < intervalMs || (!unwell && age < intervalMs && own < OWN_CHECK_EVERY * intervalMs);
    if (isFresh) return;
    if (underWay < (unwell ? UNWELL_CHECKS_MAX : 1)) void this.sample(dependency, underWay);
  }

  private intervalMs({ criticality }: Dependency): number {
    const { HEALTH_INTERVAL_MS: usualMs } = this.settings;
    return criticality === 'critical' ? Math.min(usualMs, CRITICAL_INTERVAL_MS) : usualMs;
  }

  private jitterOf(dependency: Dependency): number {
    const jitter = this.jitter.get(dependency) ?? 1 + JITTER * (2 * Math.random() - 1);
    this.jitter.set(dependency, jitter);
    return jitter;
  }

  private async sample(dependency: Dependency, underWay: number): Promise<void> {
    this.underWay.set(dependency, underWay + 1);
    this.jitter.delete(dependency);
    const startedMs = performance.now();
    const failure = await dependency.check(CHECK_TIMEOUT_MS).then(
      () => undefined,
      (error: Error) => error,
    );
    this.underWay.set(dependency, this.underWay.get(dependency)! - 1);
    // A check that began before the one that was observed last says how it was, and not how it is.
    if (this.stopped || startedMs < (this.observed.get(dependency) ?? -Infinity)) return;
    this.observed.set(dependency, startedMs);
    dependency.observe(failure);
    if (failure === undefined && isVouchedFor(dependency))
      this.fleet.tell(VOUCHED, { dependency: dependency.name });
  }
}

/** A check finds out nothing of what was told when to come back, or is kept out by an operator: that is not looked at more often. */
function isUnwell({ status, circuit }: Dependency): boolean {
  if (circuit.at === 'isolated' || (circuit.at === 'open' && circuit.suspended)) return false;
  return status.state !== 'up';
}

/**
 * One look is enough for all replicas at what all of them share. What is critical each looks at over its own line: by that
 * it says whether traffic should come to it.
 */
function isVouchedFor({ criticality, traits }: Dependency): boolean {
  return criticality === 'optional' && traits.shared;
}
