import { randomUUID } from 'node:crypto';
import type { Traits } from '../../resilience/dependency.js';
import { Cache, CacheSpace, type CacheSpaceOptions } from './cache.js';
import type { RedisLine } from './redis.line.js';

/** Every key of ours begins with it: the server may be shared with others. */
export const KEY_PREFIX = 'mainstay:';
const CHECK_TTL_MS = 10_000;

/** Redis as the cache of all replicas. Every entry has an end; how many there are is bounded by the server's `maxmemory`. */
export class RedisCache extends Cache {
  readonly adapter = 'redis';
  readonly traits: Traits = { durable: true, shared: true };
  private readonly spaces = new Set<string>();
  private readonly checkKey = `${KEY_PREFIX}check:${randomUUID()}`;

  constructor(private readonly line: RedisLine) {
    super();
  }

  space(options: CacheSpaceOptions): CacheSpace {
    if (this.spaces.has(options.name)) throw new Error(`The cache has a space ${options.name} already`);
    this.spaces.add(options.name);
    return options.entriesMax > 0 ? new RedisSpace(this.line, options) : new NoSpace();
  }

  async check(): Promise<void> {
    const value = randomUUID();
    // Sent together: the second does not wait for the first, and they are carried out in order.
    const [, found] = await Promise.all([
      this.line.run((redis) => redis.set(this.checkKey, value, 'PX', CHECK_TTL_MS)),
      this.line.run((redis) => redis.get(this.checkKey)),
    ]);
    if (found !== value) throw new Error('Redis did not give back what was just written to it');
  }

  /** The connection is closed by whoever opened it. */
  async close(): Promise<void> {}
}

class RedisSpace extends CacheSpace {
  private readonly prefix: string;
  private readonly ttlMs: number;

  constructor(
    private readonly line: RedisLine,
    { name, ttlMs }: CacheSpaceOptions,
  ) {
    super();
    this.prefix = `${KEY_PREFIX}${name}:`;
    this.ttlMs = Math.max(1, Math.round(ttlMs));
  }

  async get(key: string): Promise<Buffer | undefined> {
    return (await this.line.run((redis) => redis.getBuffer(this.prefix + key))) ?? undefined;
  }

  async set(key: string, value: Buffer): Promise<void> {
    // A copy: what is sent later than it was given must not have been changed meanwhile.
    await this.line.run((redis) => redis.set(this.prefix + key, Buffer.from(value), 'PX', this.ttlMs));
  }

  async delete(key: string): Promise<void> {
    await this.line.run((redis) => redis.unlink(this.prefix + key));
  }
}

/** Keeps nothing, as it was told to. */
class NoSpace extends CacheSpace {
  async get(): Promise<undefined> {}
  async set(): Promise<void> {}
  async delete(): Promise<void> {}
}
