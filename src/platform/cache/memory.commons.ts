import type { Dependency } from '../../resilience/dependency.js';
import { Commons, type CommonsNeeds } from './commons.js';
import { GuardedCache } from './guarded.cache.js';
import { MemoryBroker } from './memory.broker.js';
import { MemoryCache } from './memory.cache.js';
import { MemoryLimits } from './memory.limits.js';

const TIMEOUT_MS = 250;

/** The memory of this process: no other replica has any of it. */
export class MemoryCommons extends Commons {
  readonly dependency: Dependency;
  readonly cache: GuardedCache;
  readonly limits: MemoryLimits;
  readonly broker = new MemoryBroker();

  constructor({ settings, dependencies }: CommonsNeeds) {
    super();
    const adapter = new MemoryCache();
    this.dependency = dependencies.register({
      name: 'cache',
      criticality: 'optional',
      adapter: adapter.adapter,
      traits: adapter.traits,
      classify: () => undefined,
      part: 'cache',
      affects: 'Nothing that callers see: nothing is remembered, and everything is computed again.',
      check: () => adapter.check(),
      timeoutMs: TIMEOUT_MS,
    });
    this.cache = new GuardedCache(adapter, this.dependency);
    this.limits = new MemoryLimits(settings.REPLICAS);
  }

  open(signal: AbortSignal): Promise<void> {
    return this.cache.check(signal);
  }

  close(): Promise<void> {
    return this.cache.close();
  }
}
