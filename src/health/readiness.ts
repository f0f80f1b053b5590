import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { Settings } from '../config/settings.js';
import { ServiceState } from '../kernel/service-state.js';
import { BootPlan } from '../resilience/boot.plan.js';
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
export class Readiness {
  constructor(
    private readonly dependencies: Dependencies,
    private readonly plan: BootPlan,
    private readonly state: ServiceState,
    private readonly settings: Settings,
    private readonly indicators: HealthIndicatorService,
  ) {}

  /** Whether every step of the start has its verdict. */
  get booted(): boolean {
    return this.plan.told;
  }

  get verdict(): Verdict {
    const judged = [...this.dependencies].map((d) => ({ criticality: d.criticality, state: d.status.state }));
    return verdict(judged, {
      opened: this.plan.complete,
      stopping: this.state.stopping.aborted,
      maintenance: this.state.maintenance !== undefined,
      failOpen: this.settings.READINESS_MODE === 'fail_open',
    });
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
