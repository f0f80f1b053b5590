import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { Dependencies } from '../resilience/dependencies.js';
import type { Dependency } from '../resilience/dependency.js';
import { type Verdict, verdict } from './verdict.js';

export interface Check {
  status: 'up' | 'degraded' | 'down';
  criticality: 'critical' | 'optional';
  reason: string | null;
  observed_at: string | null;
  age_ms: number | null;
}

/** What the readiness probe answers from: memory, and nothing else. */
@Injectable()
export class Readiness implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private started = false;
  private stopping = false;

  constructor(
    private readonly dependencies: Dependencies,
    private readonly indicators: HealthIndicatorService,
  ) {}

  onApplicationBootstrap(): void {
    this.started = true;
  }

  beforeApplicationShutdown(): void {
    this.stopping = true;
  }

  /** Whether everything has been opened. */
  get booted(): boolean {
    return this.started;
  }

  get verdict(): Verdict {
    const judged = [...this.dependencies].map((d) => ({ criticality: d.criticality, state: d.status.state }));
    return verdict(judged, this.stopping);
  }

  /** One Terminus indicator a dependency; none of them calls anything. */
  checks(): Record<string, Check> {
    const results = [...this.dependencies].map((dependency) => this.indicate(dependency));
    return Object.assign({}, ...results) as Record<string, Check>;
  }

  private indicate(dependency: Dependency): HealthIndicatorResult {
    const { state, reason, observedAt } = dependency.status;
    const facts = {
      criticality: dependency.criticality,
      reason,
      observed_at: observedAt?.toISOString() ?? null,
      age_ms: observedAt === null ? null : Date.now() - observedAt.getTime(),
    };
    const indicator = this.indicators.check(dependency.name);
    return state === 'up'
      ? indicator.up(facts)
      : state === 'degraded'
        ? indicator.degraded(facts)
        : indicator.down(facts);
  }
}
