import { Dependency, type DependencyOptions } from '../../src/resilience/dependency.js';
import type { Fault } from '../../src/resilience/dependency-error.js';

/** The fault of a dependency that was made by `dependencyOf`: transient. */
export class Refused extends Error {}

export const refuse = () => Promise.reject(new Refused('connection refused'));
/** Work that takes for ever and ignores its signal. */
export const never = () => new Promise<never>(() => {});

export const circuit = { consecutiveFaults: 5, windowCalls: 100, backoffMinMs: 1_000, backoffMaxMs: 60_000 };

const classify = (error: unknown): Fault | undefined =>
  error instanceof Refused ? { reason: 'unreachable', transient: true } : undefined;

/** A dependency that stands for nothing, with the options that the test is about. */
export function dependencyOf(
  options: Partial<DependencyOptions> = {},
  onChange?: ConstructorParameters<typeof Dependency>[1],
): Dependency {
  return new Dependency(
    {
      name: 'thing',
      criticality: 'optional',
      adapter: 'fake',
      traits: { durable: true, shared: false },
      classify,
      check: () => Promise.resolve(),
      timeoutMs: 1_000,
      circuit,
      retryBudget: { ratio: 0.2, floor: 3 },
      ...options,
    },
    onChange,
  );
}
