import { derivedId } from '../../src/kernel/ids.js';
import { instantOf, type Filter } from '../../src/platform/database/filter.js';
import {
  CollectionMismatch,
  CollectionMissing,
  collectionSpec,
  type Hit,
  type Page,
  type Point,
  type PointRef,
  type VectorStore,
} from '../../src/platform/vector-store/vector-store.js';

const DIMENSION = 8;
const spec = (name: string) => collectionSpec(name, 'test-8', DIMENSION);

/** What every vector store does, the guard around it included. */
export function vectorStoreContract(name: string, given: () => VectorStore): void {
  describe(`VectorStore: ${name}`, () => {
    let store: VectorStore;
    let collection: string;
    let made = 0;
    const prefix = name.toLowerCase().replace(/\W+/g, '_');

    beforeAll(() => {
      store = given();
    });
    beforeEach(async () => {
      made += 1;
      collection = `${prefix}_c${made}`;
      await store.ensure(spec(collection));
    });

    const search = (businessId: string, vector: Float32Array, limit = 10, filter: Filter = {}) =>
      store.nearest(collection, { businessId, vector, limit, filter });

    it('makes a collection once, says so, and leaves it as it is when it is there', async () => {
      expect(await store.ensure(spec(`${collection}_new`))).toBe(true);
      await store.upsert(collection, [point('acme', 1)]);
      expect(await store.ensure(spec(collection))).toBe(false);
      await Promise.all([store.ensure(spec(collection)), store.ensure(spec(collection))]);
      expect(await store.count(collection, { businessId: 'acme' })).toBe(1);
    });

    it('makes a collection once when two ask for it at the same time', async () => {
      await Promise.all([1, 2, 3].map(() => store.ensure(spec(`${collection}_twice`))));
      await store.upsert(`${collection}_twice`, [point('acme', 1)]);
      expect(await store.count(`${collection}_twice`, { businessId: 'acme' })).toBe(1);
    });

    it('refuses a collection that holds the vectors of another model, or of another dimension, and says what to do', async () => {
      const refusal = /holds vectors of test-8 \(8 dimensions\).*rebuild/;
      const otherModel = store.ensure(collectionSpec(collection, 'other-8', DIMENSION));
      await expect(otherModel).rejects.toThrow(CollectionMismatch);
      await expect(otherModel).rejects.toThrow(refusal);
      await expect(store.ensure(collectionSpec(collection, 'test-8', 9))).rejects.toThrow(refusal);
    });

    it('holds a point once however often it is written, as it was written last', async () => {
      const first = point('acme', 1, { title: 'before' });
      await store.upsert(collection, [first]);
      const again: Point = { ...first, vector: unit(axis(3)), payload: { ...first.payload, title: 'after' } };
      await store.upsert(collection, [again]);
      await store.upsert(collection, [again]);
      expect(await store.count(collection, { businessId: 'acme' })).toBe(1);
      const [hit] = await search('acme', unit(axis(3)));
      expect(hit).toMatchObject({ id: first.id, payload: { title: 'after' } });
      expect(hit!.score).toBeCloseTo(1, 5);
    });

    it('writes nothing for no points', async () => {
      await store.upsert(collection, []);
      expect(await store.count(collection, { businessId: 'acme' })).toBe(0);
      expect(await search('acme', unit(axis(0)))).toEqual([]);
    });

    it('gives a payload back as it was written, whatever is in it', async () => {
      const metadata = {
        text: '𝔘 שלום "\\ \n',
        list: [1, 'two', null, { three: true }],
        deep: { deeper: [{}] },
        number: 1e-7,
        no: null,
      };
      const written = point('acme', 1, { metadata, title: `'); drop table x; --`, text: 'مرحبا' });
      await store.upsert(collection, [written]);
      expect((await search('acme', unit(axis(0))))[0]!.payload).toEqual(written.payload);
    });

    it('finds the nearest points in the order of their cosine similarity, as brute force does', async () => {
      const points = Array.from({ length: 200 }, (_, i) => point('acme', i, {}, random(i)));
      await store.upsert(collection, points);
      for (let i = 0; i < 10; i += 1) {
        const query = random(1_000 + i);
        const hits = await search('acme', query, 20);
        const wanted = bruteForce(points, query).slice(0, 20);
        expect(hits.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
        for (const [rank, hit] of hits.entries()) expect(hit.score).toBeCloseTo(wanted[rank]!.score, 4);
      }
    });

    it('never shows one tenant what is of another, however near', async () => {
      await store.upsert(collection, [
        ...Array.from({ length: 60 }, (_, i) => point('other', i, {}, near(axis(0), i))),
        point('acme', 1, {}, unit(axis(5))),
        point('acme', 2, {}, unit(axis(6))),
      ]);
      const hits = await search('acme', unit(axis(0)), 50);
      expect(hits.map(({ payload }) => payload.business_id)).toEqual(['acme', 'acme']);
      expect(await search('nobody', unit(axis(0)))).toEqual([]);
      expect(await store.count(collection, { businessId: 'acme' })).toBe(2);
      expect(await store.count(collection, { businessId: 'nobody' })).toBe(0);
    });

    it('finds all that a small tenant and a narrow filter have among many that are nearer', async () => {
      const crowd = Array.from({ length: 1_200 }, (_, i) => point(`crowd ${i % 3}`, i, {}, near(axis(0), i)));
      const few = Array.from({ length: 5 }, (_, i) => point('small', i, {}, near(axis(5), i)));
      const rare = Array.from({ length: 5 }, (_, i) =>
        point('crowd 0', 2_000 + i, { metadata: { rare: true } }, near(axis(5), i)),
      );
      await store.upsert(collection, [...crowd, ...few, ...rare]);
      expect(ids(await search('small', unit(axis(0)), 10))).toEqual(idsOf(few));
      expect(ids(await search('crowd 0', unit(axis(0)), 10, { rare: true }))).toEqual(idsOf(rare));
    }, 60_000);

    it('removes what is of a document, of all versions or of those before one, and is not troubled by what is not there', async () => {
      const document = derivedId('document');
      const other = derivedId('another');
      await store.upsert(collection, [
        point('acme', 1, { document_id: document, version: 1 }),
        point('acme', 2, { document_id: document, version: 2 }),
        point('acme', 5, { document_id: document, version: 3 }),
        point('acme', 3, { document_id: other, version: 1 }),
        point('other', 4, { document_id: document, version: 1 }),
      ]);
      const countOf = (documentId?: string, businessId = 'acme') =>
        store.count(collection, { businessId, ...(documentId !== undefined && { documentId }) });
      await store.remove(collection, { businessId: 'acme', documentId: document, before: 2 });
      // A run of version 2 that comes late takes nothing from version 3.
      expect([await countOf(document), await countOf(other), await countOf()]).toEqual([2, 1, 3]);
      const left = (await search('acme', unit(axis(0)))).filter((h) => h.payload.document_id === document);
      expect(left.map(({ payload }) => payload.version).toSorted((a, b) => a - b)).toEqual([2, 3]);
      await store.remove(collection, { businessId: 'acme', documentId: document });
      await store.remove(collection, { businessId: 'acme', documentId: document });
      expect([await countOf(document), await countOf(other), await countOf(document, 'other')]).toEqual([
        0, 1, 1,
      ]);
    });

    it('lists a tenant’s points in parts, each once, or those of some documents', async () => {
      const points = Array.from({ length: 25 }, (_, i) =>
        point('acme', i, { document_id: derivedId('document', i % 5), version: 1 + (i % 2) }),
      );
      await store.upsert(collection, [...points, point('other', 1)]);
      const listed = async (documentIds?: string[]) => {
        const found: PointRef[] = [];
        let from: string | undefined;
        do {
          const page: Page = await store.list(collection, {
            businessId: 'acme',
            limit: 10,
            ...(documentIds && { documentIds }),
            ...(from !== undefined && { from }),
          });
          expect(page.points.length).toBeLessThanOrEqual(10);
          found.push(...page.points);
          from = page.next;
        } while (from !== undefined);
        return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      };
      const wanted = points
        .map(({ id, payload: { document_id, version } }) => ({ id, document_id, version }))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1));
      expect(await listed()).toEqual(wanted);
      const some = [derivedId('document', 1), derivedId('document', 3)];
      expect(await listed(some)).toEqual(wanted.filter((ref) => some.includes(ref.document_id)));
      expect(await listed([derivedId('nothing')])).toEqual([]);
    });

    it('moves a name from one collection to another in one step, and then drops the old one', async () => {
      const next = `${collection}_2`;
      await store.create(spec(collection), next);
      await store.create(spec(collection), next);
      await store.upsert(collection, [point('acme', 1, { title: 'old' })]);
      await store.upsert(next, [point('acme', 1, { title: 'new' })]);
      const title = async () => (await search('acme', unit(axis(0))))[0]?.payload.title;
      expect(await title()).toBe('old');
      await expect(store.drop(`${collection}_1`)).rejects.toThrow();
      expect(await title()).toBe('old');
      await store.alias(collection, next);
      expect(await title()).toBe('new');
      await store.drop(`${collection}_1`);
      await store.drop(`${collection}_1`);
      expect(await title()).toBe('new');
      await expect(store.count(`${collection}_1`, { businessId: 'acme' })).rejects.toThrow(/no collection/);
    });

    it('searches and writes without a failure while a name moves to and fro and old collections are dropped', async () => {
      const titles = new Set<string | undefined>();
      let over = false;
      const busy = async (work: () => Promise<unknown>) => {
        let done = 0;
        for (; !over; done += 1) await work();
        return done;
      };
      await store.upsert(collection, [point('acme', 1, { title: '1' })]);
      const searching = busy(async () =>
        titles.add((await search('acme', unit(axis(0)), 1))[0]?.payload.title),
      );
      const writing = busy(() => store.upsert(collection, [point('other', 7)]));
      for (let i = 2; i <= 8; i += 1) {
        await store.create(spec(collection), `${collection}_${i}`);
        await store.upsert(`${collection}_${i}`, [point('acme', 1, { title: String(i) })]);
        await store.alias(collection, `${collection}_${i}`);
        // Whoever writes after the move writes to where it went.
        await store.upsert(collection, [point('acme', 2, { title: 'other' }, unit(axis(4)))]);
        expect(await store.count(`${collection}_${i}`, { businessId: 'acme' })).toBe(2);
        await store.drop(`${collection}_${i - 1}`);
      }
      over = true;
      expect(await searching).toBeGreaterThan(5);
      expect(await writing).toBeGreaterThan(5);
      expect(titles).not.toContain(undefined);
    });

    it('shows its collections: the name, the alias, the model and the dimension', async () => {
      await store.create(spec(collection), `${collection}_2`);
      const ours = (await store.collections()).filter((view) => view.name.startsWith(`${collection}_`));
      const facts = { model: 'test-8', dimension: DIMENSION, points: expect.any(Number) };
      expect(ours).toEqual([
        { name: `${collection}_1`, alias: collection, ...facts },
        { name: `${collection}_2`, alias: undefined, ...facts },
      ]);
    });

    it('does not know a collection that nobody made, and takes no name that is none', async () => {
      await expect(
        search('acme', unit(axis(0))).then(() => store.count('nothing', { businessId: 'acme' })),
      ).rejects.toThrow(CollectionMissing);
      await expect(store.ensure(spec('x"; drop schema vectors; --'))).rejects.toThrow(/name of a collection/);
    });

    it('passes its own check', async () => {
      await expect(store.check(AbortSignal.timeout(5_000))).resolves.toBeUndefined();
    });

    describe('filters on metadata', () => {
      const rows: Record<string, Record<string, unknown>> = {
        plain: { kind: 'guide', year: 2021, draft: false, tag: 'a', at: '2021-03-04', share: 0.5 },
        later: {
          kind: 'guide',
          year: 2024,
          draft: true,
          tag: ['a', 'b'],
          at: '2024-05-06T07:08:09Z',
          share: 1e-7,
        },
        list: {
          kind: 'note',
          year: [2021, 2030],
          tag: ['b', 'c'],
          at: ['soon', '2024-12-31T23:30:00-02:00'],
        },
        text: { kind: 'note', year: '2024', draft: 'true', tag: { a: 1 }, at: 20_240_506 },
        empty: {},
        null: { kind: null, year: null, tag: [], at: null },
        odd: { [`it's "odd" -> $1`]: `'; drop table documents; --`, 'a.b': 1, '𝔘': 'שלום', '': 'nameless' },
      };
      const wanted: [string, Filter, string[]][] = [
        ['nothing', {}, Object.keys(rows)],
        ['a text', { kind: 'guide' }, ['plain', 'later']],
        ['a text in another case', { kind: 'Guide' }, []],
        ['a number', { year: 2021 }, ['plain', 'list']],
        ['a number that a text looks like', { year: 2024 }, ['later']],
        ['a text that a number looks like', { year: '2024' }, ['text']],
        ['a number with a fraction of zero', { year: 2021.0 }, ['plain', 'list']],
        ['a truth value', { draft: true }, ['later']],
        ['falsehood', { draft: false }, ['plain']],
        ['any of a list', { kind: ['guide', 'note'] }, ['plain', 'later', 'list', 'text']],
        ['any of a list of different types', { year: [2024, '2024'] }, ['later', 'text']],
        ['none of an empty list', { kind: [] }, []],
        ['a member of a list in the metadata', { tag: 'a' }, ['plain', 'later']],
        ['any of a list in a list', { tag: ['a', 'c'] }, ['plain', 'later', 'list']],
        [
          'a range of numbers, both ends included',
          { year: { gte: 2021, lte: 2024 } },
          ['plain', 'later', 'list'],
        ],
        [
          'a range with one member of a list, and not with two',
          { year: { gte: 2022, lte: 2029 } },
          ['later'],
        ],
        ['a range without an end', { year: { gte: 2022 } }, ['later', 'list']],
        ['a range without a beginning', { year: { lte: 2021 } }, ['plain', 'list']],
        ['a number with a fraction', { share: 0.5 }, ['plain']],
        ['a range of fractions', { share: { gte: -1e-7, lte: 0.5 } }, ['plain', 'later']],
        ['a range of dates', { at: { gte: '2024-01-01', lte: '2024-12-31' } }, ['later']],
        [
          'a range of dates in other zones',
          { at: { gte: '2025-01-01T03:30+02:00', lte: '2025-01-02' } },
          ['list'],
        ],
        ['a range of texts that are no dates', { kind: { gte: 'a' } }, []],
        ['a range of dates where there are numbers and other texts', { year: { gte: '1970-01-01' } }, []],
        ['a range of numbers where there are dates', { at: { gte: 0 } }, ['text']],
        ['a range whose ends are of different types', { year: { gte: 2000, lte: '3000-01-01' } }, []],
        ['all of its keys', { kind: 'guide', draft: true, year: { gte: 2000 } }, ['later']],
        ['keys of which one is nowhere', { kind: 'guide', nowhere: 1 }, []],
        [
          'a key and a value that look like SQL',
          { [`it's "odd" -> $1`]: `'; drop table documents; --` },
          ['odd'],
        ],
        ['a value that looks like SQL', { kind: `guide' or '1'='1` }, []],
        ['a key that looks like SQL', { [`kind' or '1'='1`]: 'guide' }, []],
        ['a key with a dot, which is no path', { 'a.b': 1 }, ['odd']],
        ['a key that is a number in a list', { 0: 'a' }, []],
        ['a key and a value in other scripts', { 𝔘: 'שלום' }, ['odd']],
        ['an empty key', { '': 'nameless' }, ['odd']],
        [
          'values with the marks of JSON and of arrays in them',
          { kind: ['{"a"}', 'guide,note', 'NULL', '\\', '"'] },
          [],
        ],
      ];

      let filled: string;
      beforeAll(async () => {
        filled = `${prefix}_filters`;
        await store.ensure(spec(filled));
        await store.upsert(
          filled,
          Object.entries(rows).map(([title, metadata], i) => point('acme', i, { title, metadata })),
        );
      });

      it.each(wanted)('match %s', async (_what, filter, titles) => {
        const hits = await store.nearest(filled, {
          businessId: 'acme',
          vector: unit(axis(0)),
          limit: 50,
          filter,
        });
        expect(hits.map(({ payload }) => payload.title).toSorted()).toEqual(titles.toSorted());
      });

      it('reads every date as the port does, and no text that is none', async () => {
        const dated = `${filled}_dates`;
        await store.ensure(spec(dated));
        await store.upsert(
          dated,
          DATES.map((at, i) => point('acme', i, { title: at, metadata: { at } })),
        );
        for (const at of DATES) {
          const filter = { at: { gte: at, lte: at } };
          const hits = await store.nearest(dated, {
            businessId: 'acme',
            vector: unit(axis(0)),
            limit: 50,
            filter,
          });
          const same = DATES.filter(
            (other) => instantOf(at) !== undefined && instantOf(other) === instantOf(at),
          );
          expect(hits.map(({ payload }) => payload.title).toSorted()).toEqual(same.toSorted());
        }
      });
    });
  });
}

const DATES = [
  '2024-05-06',
  '2024-05-06T00:00Z',
  '2024-05-06 00:00:00',
  '2024-05-06T02:00+02:00',
  '2024-05-05T18:30:00.000-05:30',
  '2024-02-31',
  '2024-03-02',
  '2023-02-29T12:00',
  '1969-12-31T23:59:59.999999Z',
  '1969-12-31T23:59:59.999Z',
  '9999-12-31',
  '1000-01-01',
  '2024-05-06T07:08:09.5Z',
  '2024-05-06T07:08:09.500999Z',
  '2024-12-31T23:59:59.001+14:59',
  // None of these is one.
  '2024-13-01',
  '2024-00-10',
  '0000-01-01',
  '2024-05-06T24:00',
  '2024-05-06T07:60',
  '2024-5-6',
  '20240506',
  '2024',
  '',
  '2024-05-06T07:08:09.1234567Z',
  '2024-05-06Z',
  ' 2024-05-06',
  '2024-05-06\n',
  'tomorrow',
  '２０２４-05-06',
];

function point(
  businessId: string,
  n: number,
  payload: Partial<Point['payload']> = {},
  vector = unit(axis(0)),
): Point {
  return {
    id: derivedId(businessId, n),
    vector,
    payload: {
      business_id: businessId,
      document_id: derivedId(businessId, 'document', n),
      version: 1,
      chunk_id: derivedId(businessId, 'chunk', n),
      title: `Point ${n}`,
      text: `What point ${n} says`,
      start: 0,
      end: 10,
      metadata: {},
      ...payload,
    },
  };
}

const axis = (i: number) => Array.from({ length: DIMENSION }, (_, k) => (k === i ? 1 : 0));

/** A direction next to another one; each `i` gives its own. */
const near = (direction: number[], i: number) =>
  unit(direction.map((x, k) => x + 0.05 * Math.sin((i + 1) * (k + 3))));

const random = (seed: number) =>
  unit(Array.from({ length: DIMENSION }, (_, k) => (Math.sin(seed * 12.9898 + k * 78.233) * 43758.5453) % 1));

function unit(vector: number[]): Float32Array {
  const length = Math.hypot(...vector);
  return Float32Array.from(vector, (x) => x / length);
}

function bruteForce(points: readonly Point[], query: Float32Array): { id: string; score: number }[] {
  return points
    .map(({ id, vector }) => ({ id, score: vector.reduce((sum, x, k) => sum + x * query[k]!, 0) }))
    .toSorted((a, b) => b.score - a.score);
}

const ids = (hits: readonly Hit[]) => hits.map(({ id }) => id).toSorted();
const idsOf = (points: readonly Point[]) => points.map(({ id }) => id).toSorted();
