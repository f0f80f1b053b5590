import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Cache, CacheSpace } from '../../src/platform/cache/cache.js';
import { GuardedCache } from '../../src/platform/cache/guarded.cache.js';
import { MemoryCache } from '../../src/platform/cache/memory.cache.js';
import { newDependency } from '../support/guard.js';
import { cacheContract, type GivenCache } from './cache.suite.js';

Logger.overrideLogger(false);

/** A cache in memory, and a clock that can be moved for it. */
function inMemory(guard: (cache: MemoryCache) => Cache): GivenCache {
  let aheadMs = 0;
  const nowMs = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs() + aheadMs);
  return {
    cache: guard(new MemoryCache()),
    pass: (ms) => void (aheadMs += ms),
    counts: true,
    end: () => void jest.restoreAllMocks(),
  };
}

cacheContract('memory', () => inMemory((cache) => cache));
cacheContract('memory, guarded', () => inMemory((cache) => new GuardedCache(cache, newDependency(cache))));

describe('The guard around a cache', () => {
  /** A cache that every call to fails. */
  class Broken extends Cache {
    readonly adapter = 'broken';
    readonly traits = { durable: false, shared: false };
    constructor(private readonly failure: Error) {
      super();
    }
    space(): CacheSpace {
      const fail = () => Promise.reject(this.failure);
      return { get: fail, set: fail, delete: fail };
    }
    check = () => Promise.reject(this.failure);
    close = () => Promise.resolve();
  }
  const options = { name: 'texts', entriesMax: 1, ttlMs: 1_000 };

  it('takes a cache that is down for one that holds nothing, and counts what it failed', async () => {
    const broken = new Broken(new Error('connection refused'));
    const dependency = newDependency(broken, () => ({ reason: 'unreachable', transient: true }));
    const space = new GuardedCache(broken, dependency).space(options);
    await expect(space.set('a', Buffer.from('one'))).resolves.toBeUndefined();
    await expect(space.get('a')).resolves.toBeUndefined();
    await expect(space.delete('a')).resolves.toBeUndefined();
    expect(dependency.statistics).toMatchObject({ retries: 0, counts: { fault: 3 } });
  });

  it('hides no mistake of ours', async () => {
    const mistake = new TypeError('not a function');
    const broken = new Broken(mistake);
    const space = new GuardedCache(broken, newDependency(broken)).space(options);
    await expect(space.get('a')).rejects.toBe(mistake);
  });

  it('lets the check say that it is down', async () => {
    const failure = new Error('connection refused');
    const guarded = new GuardedCache(new Broken(failure), newDependency(new Broken(failure)));
    await expect(guarded.check(new AbortController().signal)).rejects.toBe(failure);
  });
});
