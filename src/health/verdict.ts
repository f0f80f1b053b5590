import type { DependencyState } from '../resilience/condition.js';
import type { Criticality } from '../resilience/dependency.js';

export type Verdict = 'ready' | 'degraded' | 'not_ready' | 'shutting_down';

/** What the verdict is about: each dependency's state, and whether the service can do without it. */
export interface Judged {
  criticality: Criticality;
  state: DependencyState;
}

/**
 * Whether traffic should come here. A critical dependency that is down takes the service out; anything less is named and
 * lived with. Worse input never gives a better verdict.
 */
export function verdict(dependencies: readonly Judged[], stopping: boolean): Verdict {
  if (stopping) return 'shutting_down';
  if (dependencies.some((d) => d.criticality === 'critical' && d.state === 'down')) return 'not_ready';
  if (dependencies.some((d) => d.state !== 'up')) return 'degraded';
  return 'ready';
}
