import type { Settings } from '../../config/settings.js';
import type { Limits } from '../../resilience/limits.js';
import type { Dependencies } from '../../resilience/dependencies.js';
import type { Dependency } from '../../resilience/dependency.js';
import type { Broker } from './broker.js';
import type { Cache } from './cache.js';

/** What the replicas have in common and may lose at any moment: Redis, or the memory of each in its place. */
export abstract class Commons {
  abstract readonly dependency: Dependency;
  abstract readonly cache: Cache;
  abstract readonly limits: Limits;
  abstract readonly broker: Broker;

  /**
   * Rejects when it cannot be used now; it may be called again.
   * @returns what there is to say of it at the start
   */
  abstract open(signal: AbortSignal): Promise<string | void>;
  abstract close(): Promise<void>;
}

/** What it is made from. */
export interface CommonsNeeds {
  settings: Pick<Settings, 'REDIS_COMMAND_TIMEOUT_MS' | 'REPLICAS'>;
  dependencies: Pick<Dependencies, 'register'>;
}
