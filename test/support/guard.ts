import { Dependency, type DependencyOptions, type Traits } from '../../src/resilience/dependency.js';

/**
 * A dependency to guard an adapter with. Its circuit never opens: a contract is about what holds while all is well, and
 * one case's faults must not be the next one's.
 */
export function newDependency(
  adapter: { adapter: string; traits: Traits; check(signal: AbortSignal): Promise<void> },
  classify: DependencyOptions['classify'] = () => undefined,
): Dependency {
  return new Dependency({
    name: adapter.adapter,
    criticality: 'critical',
    adapter: adapter.adapter,
    traits: adapter.traits,
    classify,
    check: (signal) => adapter.check(signal),
    timeoutMs: 60_000,
    circuit: { consecutiveFaults: 1_000, windowCalls: 10_000, backoffMinMs: 1_000, backoffMaxMs: 1_000 },
    retryBudget: { ratio: 1, floor: 1_000 },
  });
}
