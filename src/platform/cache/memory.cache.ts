import { LRUCache } from 'lru-cache';
import type { Traits } from '../../resilience/dependency.js';
import { Cache, CacheSpace, type CacheSpaceOptions } from './cache.js';

/** The cache of one process: it forgets all at its end, and no other replica sees it. */
export class MemoryCache extends Cache {
  readonly adapter = 'memory';
  readonly traits: Traits = { durable: false, shared: false };
  private readonly spaces = new Map<string, MemorySpace>();

  space(options: CacheSpaceOptions): CacheSpace {
    if (this.spaces.has(options.name)) throw new Error(`The cache has a space ${options.name} already`);
    const space = new MemorySpace(options);
    this.spaces.set(options.name, space);
    return space;
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {
    for (const space of this.spaces.values()) space.clear();
  }
}

class MemorySpace extends CacheSpace {
  private readonly entries: LRUCache<string, Buffer> | undefined;

  constructor({ entriesMax, ttlMs }: CacheSpaceOptions) {
    super();
    // The library takes 0 for "no limit"; here it means what it says.
    if (entriesMax > 0) this.entries = new LRUCache({ max: entriesMax, ttl: ttlMs });
  }

  // Copies go in and out: whoever changes what he was given changes it for himself alone, as with a cache elsewhere.
  async get(key: string): Promise<Buffer | undefined> {
    const value = this.entries?.get(key);
    return value === undefined ? undefined : Buffer.from(value);
  }

  async set(key: string, value: Buffer): Promise<void> {
    this.entries?.set(key, Buffer.from(value));
  }

  async delete(key: string): Promise<void> {
    this.entries?.delete(key);
  }

  clear(): void {
    this.entries?.clear();
  }
}
