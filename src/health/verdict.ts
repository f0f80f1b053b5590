import type { DependencyState } from '../resilience/condition.js';
import type { Criticality } from '../resilience/dependency.js';

export type Verdict = 'ready' | 'degraded' | 'not_ready' | 'shutting_down';

/** What the verdict is about: each dependency's state, and whether the service can do without it. */
export interface Judged {
  criticality: Criticality;
  state: DependencyState;
}

/** How the process itself stands. */
export interface Standing {
  /** Everything without which it cannot work has been opened. */
  opened: boolean;
  stopping: boolean;
  /** An operator keeps callers away. */
  maintenance: boolean;
  /** READINESS_MODE=fail_open: what all replicas depend on takes none of them out. */
  failOpen: boolean;
}

/**
 * Whether traffic should come here. A critical dependency that is down takes the service out, unless it was said to fail
 * open; anything less is named and lived with. Worse input never gives a better verdict.
 */
export function verdict(dependencies: readonly Judged[], standing: Standing): Verdict {
  if (standing.stopping) return 'shutting_down';
  if (!standing.opened || standing.maintenance) return 'not_ready';
  const lost = dependencies.some((d) => d.criticality === 'critical' && d.state === 'down');
  if (lost && !standing.failOpen) return 'not_ready';
  return dependencies.some((d) => d.state !== 'up') ? 'degraded' : 'ready';
}
