import { Logger } from '@nestjs/common';
import { DependencyError } from '../../resilience/dependency-error.js';
import type { Dependency, Traits } from '../../resilience/dependency.js';
import { Cache, CacheSpace, type CacheSpaceOptions } from './cache.js';

/**
 * The cache behind its circuit. A cache that is down holds nothing: reads miss and writes are dropped, and nobody who uses
 * it needs to know. The dependency counts each failure, so it is seen in diagnostics.
 */
export class GuardedCache extends Cache {
  readonly adapter: string;
  readonly traits: Traits;

  constructor(
    private readonly inner: Cache,
    private readonly dependency: Dependency,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
  }

  space(options: CacheSpaceOptions): CacheSpace {
    return new GuardedSpace(this.inner.space(options), this.dependency);
  }

  check(signal: AbortSignal): Promise<void> {
    return this.inner.check(signal);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

class GuardedSpace extends CacheSpace {
  private readonly logger = new Logger('Cache');

  constructor(
    private readonly inner: CacheSpace,
    private readonly dependency: Dependency,
  ) {
    super();
  }

  get(key: string): Promise<Buffer | undefined> {
    return this.orNothing('get', () => this.inner.get(key));
  }

  async set(key: string, value: Buffer): Promise<void> {
    await this.orNothing('set', () => this.inner.set(key, value));
  }

  async delete(key: string): Promise<void> {
    await this.orNothing('delete', () => this.inner.delete(key));
  }

  private async orNothing<T>(operation: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      // No second try: computing the value again is what a cache saves, not what it is needed for.
      return await this.dependency.call(operation, work);
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      this.logger.debug(error.message);
      return undefined;
    }
  }
}
