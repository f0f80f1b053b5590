import { CallerGone, DeadlineExceeded } from '../../kernel/deadline.js';
import type { Dependency } from '../../resilience/dependency.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { type Grant, type Level, Limits, type Rate } from '../../resilience/limits.js';
import type { MemoryLimits } from './memory.limits.js';

/**
 * Counts with the other replicas, and while that is not possible alone, by its share. It always knows how much of its share
 * it has used, so losing the others gives it nothing that it had already. What it cannot know is what they have left: in
 * the moment in which they lose each other, all of them together may spend up to one rate more, once.
 */
export class GuardedLimits extends Limits {
  #shared = true;

  constructor(
    private readonly together: Limits,
    private readonly alone: MemoryLimits,
    private readonly dependency: Dependency,
  ) {
    super();
  }

  /** Whether the replicas counted together when last asked. */
  get shared(): boolean {
    return this.#shared;
  }

  async take(name: string, rate: Rate, cost: number): Promise<Grant & Level> {
    try {
      // No second try: the first may have been counted.
      const grant = await this.dependency.call('take', () => this.together.take(name, rate, cost));
      this.#shared = true;
      if (grant.granted) this.alone.record(name, rate, cost);
      return grant;
    } catch (error) {
      if (!isAbsence(error)) throw error;
      this.#shared = false;
      return this.alone.take(name, rate, cost);
    }
  }
}

/** It could not be asked, or not in the time that the request had. */
function isAbsence(error: unknown): boolean {
  return error instanceof DependencyError || error instanceof DeadlineExceeded || error instanceof CallerGone;
}
