import type { Traits } from '../../resilience/dependency.js';

/** A part of the cache with its own size and age limits. */
export interface CacheSpaceOptions {
  /** The last name of every key in it. */
  name: string;
  /** Entries kept at most, where the adapter counts them; 0 keeps none. */
  entriesMax: number;
  ttlMs: number;
}

/** Losing any entry at any time is allowed: callers must be able to compute it again. */
export abstract class CacheSpace {
  /** @returns undefined when it is not there, or no longer */
  abstract get(key: string): Promise<Buffer | undefined>;
  abstract set(key: string, value: Buffer): Promise<void>;
  abstract delete(key: string): Promise<void>;
}

/** Bytes by name, for a while. */
export abstract class Cache {
  abstract readonly adapter: string;
  abstract readonly traits: Traits;

  /** @throws Error when a space of that name was made already */
  abstract space(options: CacheSpaceOptions): CacheSpace;

  /** A cheap write and read. */
  abstract check(signal: AbortSignal): Promise<void>;

  abstract close(): Promise<void>;
}
