import type { Cache, CacheSpace } from '../../src/platform/cache/cache.js';
import { eventuallyHolds } from '../support/eventually.js';

const TTL_MS = 60_000;

/** A cache that is new and empty, and the power over what it stands on. */
export interface GivenCache {
  cache: Cache;
  /** Lets so much time pass for its entries. */
  pass(ms: number): void | Promise<void>;
  /** Whether it counts its entries and keeps no more than it may. */
  counts: boolean;
  /** Undoes what `given` did, when the cache is closed. */
  end?(): void | Promise<void>;
}

/** What every cache does, the guard around it included. */
export function cacheContract(name: string, given: () => GivenCache | Promise<GivenCache>): void {
  describe(`Cache: ${name}`, () => {
    let setup: GivenCache;
    let cache: Cache;
    let space: CacheSpace;

    beforeEach(async () => {
      setup = await given();
      cache = setup.cache;
      space = cache.space({ name: 'texts', entriesMax: 3, ttlMs: TTL_MS });
    });
    afterEach(async () => {
      await cache.close();
      await setup.end?.();
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
      await setup.pass(TTL_MS - 1_000);
      await space.set('a', Buffer.from('two'));
      await setup.pass(TTL_MS - 1_000);
      // Asked for later than the clock was moved: some caches look at it once in a millisecond.
      await eventuallyHolds(async () => expect(await text('a')).toBe('two'));
      await setup.pass(2_000);
      await eventuallyHolds(async () => expect(await space.get('a')).toBeUndefined(), { timeoutMs: 5_000 });
    });

    it('keeps no more entries than it may, where it counts, and lets go of the one that was of no use for longest', async () => {
      for (const key of ['a', 'b', 'c']) await space.set(key, Buffer.from(key));
      await space.get('a');
      await space.set('d', Buffer.from('d'));
      expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => text(key)))).toEqual([
        'a',
        setup.counts ? undefined : 'b',
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
