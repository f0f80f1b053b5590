import { jest } from '@jest/globals';
import type { Cache, CacheSpace } from '../../src/platform/cache/cache.js';
import { eventuallyHolds } from '../support/eventually.js';

const TTL_MS = 60_000;

/** What every cache does, the guard around it included. `given` returns a new one. */
export function cacheContract(name: string, given: () => Cache): void {
  describe(`Cache: ${name}`, () => {
    let cache: Cache;
    let space: CacheSpace;

    let aheadMs: number;

    beforeEach(() => {
      aheadMs = 0;
      const nowMs = performance.now.bind(performance);
      jest.spyOn(performance, 'now').mockImplementation(() => nowMs() + aheadMs);
      cache = given();
      space = cache.space({ name: 'texts', entriesMax: 3, ttlMs: TTL_MS });
    });
    afterEach(async () => {
      jest.restoreAllMocks();
      await cache.close();
    });

    const text = async (key: string, from = space) => (await from.get(key))?.toString();

    it('gives back what was kept under a key, byte by byte, and nothing for another key', async () => {
      const bytes = Buffer.from([0, 1, 128, 255, 10, 13]);
      await space.set('a', bytes);
      expect(await space.get('a')).toEqual(bytes);
      expect(await space.get('A')).toBeUndefined();
    });

    it('tells an empty value from none', async () => {
      await space.set('a', Buffer.alloc(0));
      expect(await space.get('a')).toEqual(Buffer.alloc(0));
    });

    it('keeps the value of a key that was set last', async () => {
      await space.set('a', Buffer.from('one'));
      await space.set('a', Buffer.from('two'));
      expect(await text('a')).toBe('two');
    });

    it('takes any text for a key', async () => {
      const keys = ['', ' ', '__proto__', 'constructor', '𝔘 שלום', 'a:b*c', 'k'.repeat(10_000)];
      for (const key of keys) {
        await space.set(key, Buffer.from(`of ${key}`));
        expect(await text(key)).toBe(`of ${key}`);
      }
    });

    it('forgets what is deleted, and is not troubled by what is not there', async () => {
      await space.set('a', Buffer.from('one'));
      await space.delete('a');
      await space.delete('a');
      expect(await space.get('a')).toBeUndefined();
    });

    it('hands out copies: who changes what he gave or was given changes nothing here', async () => {
      const given = Buffer.from('one');
      await space.set('a', given);
      given.write('XXX');
      const got = await space.get('a');
      expect(got?.toString()).toBe('one');
      got!.write('YYY');
      expect(await text('a')).toBe('one');
    });

    it('forgets an entry when its time is over, counted from when it was set last', async () => {
      await space.set('a', Buffer.from('one'));
      aheadMs += TTL_MS - 1_000;
      await space.set('a', Buffer.from('two'));
      aheadMs += TTL_MS - 1_000;
      // Asked for later than the clock was moved: some caches look at it once in a millisecond.
      await eventuallyHolds(async () => expect(await text('a')).toBe('two'));
      aheadMs += 2_000;
      await eventuallyHolds(async () => expect(await space.get('a')).toBeUndefined(), { timeoutMs: 500 });
    });

    it('keeps no more entries than it may, and lets go of the one that was of no use for longest', async () => {
      for (const key of ['a', 'b', 'c']) await space.set(key, Buffer.from(key));
      await space.get('a');
      await space.set('d', Buffer.from('d'));
      expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => text(key)))).toEqual([
        'a',
        undefined,
        'c',
        'd',
      ]);
    });

    it('keeps nothing where it may keep nothing', async () => {
      const none = cache.space({ name: 'none', entriesMax: 0, ttlMs: TTL_MS });
      await none.set('a', Buffer.from('one'));
      expect(await none.get('a')).toBeUndefined();
      await none.delete('a');
    });

    it('keeps its spaces apart', async () => {
      const other = cache.space({ name: 'others', entriesMax: 3, ttlMs: TTL_MS });
      await space.set('a', Buffer.from('one'));
      expect(await other.get('a')).toBeUndefined();
      await other.set('a', Buffer.from('two'));
      await other.delete('a');
      expect(await text('a')).toBe('one');
    });

    it('refuses a second space of one name', () => {
      expect(() => cache.space({ name: 'texts', entriesMax: 1, ttlMs: 1 })).toThrow(/texts already/);
    });

    it('passes its own check', async () => {
      await expect(cache.check(new AbortController().signal)).resolves.toBeUndefined();
    });
  });
}
