import type { DependencyError } from '../../resilience/dependency-error.js';

/** Why an answer is less than it might be. */
export interface Degradation {
  dependency: string;
  reason: string;
}

/** What an error that was made up for takes from an answer. */
export function degradationOf({ dependency, reason }: DependencyError): Degradation {
  return { dependency, reason };
}

/** Each once, in the order of their first mention. */
export function distinct(because: readonly Degradation[]): Degradation[] {
  return [...new Map(because.map((one) => [`${one.dependency} ${one.reason}`, one])).values()];
}
