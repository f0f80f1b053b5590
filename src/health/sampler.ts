import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Dependencies } from '../resilience/dependencies.js';
import type { Dependency } from '../resilience/dependency.js';

// Replicas that start together must not go on checking together.
const JITTER = 0.2;
const CHECK_TIMEOUT_MS = 3_000;

/** Checks each dependency in the background, so that no probe ever has to: probes read what was found. */
@Injectable()
export class Sampler implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly timers = new Map<Dependency, NodeJS.Timeout>();
  private stopped = false;

  constructor(
    private readonly dependencies: Dependencies,
    private readonly settings: Settings,
  ) {}

  onApplicationBootstrap(): void {
    for (const dependency of this.dependencies) this.schedule(dependency);
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
  }

  private schedule(dependency: Dependency): void {
    if (this.stopped) return;
    const waitMs = this.settings.HEALTH_INTERVAL_MS * (1 + JITTER * (2 * Math.random() - 1));
    const timer = setTimeout(() => void this.sample(dependency), waitMs);
    timer.unref();
    this.timers.set(dependency, timer);
  }

  private async sample(dependency: Dependency): Promise<void> {
    try {
      await dependency.check(CHECK_TIMEOUT_MS);
      dependency.observe(undefined);
    } catch (error) {
      if (!this.stopped) dependency.observe(error);
    } finally {
      this.schedule(dependency);
    }
  }
}
