import { QdrantClient } from '@qdrant/js-client-rest';
import { derivedId } from '../../src/kernel/ids.js';
import { GuardedVectorStore } from '../../src/platform/vector-store/guarded.vector-store.js';
import { CONCURRENCY_MAX } from '../../src/platform/vector-store/qdrant.client.js';
import { classifyQdrant } from '../../src/platform/vector-store/qdrant.faults.js';
import { QdrantVectorStore } from '../../src/platform/vector-store/qdrant.vector-store.js';
import {
  CollectionMismatch,
  CollectionMissing,
  collectionSpec,
  type Point,
} from '../../src/platform/vector-store/vector-store.js';
import { Dependency } from '../../src/resilience/dependency.js';
import { eventuallyHolds } from '../support/eventually.js';
import { startQdrant, type QdrantDouble, type QdrantFault } from '../support/qdrant.js';

// What the server is told, and what becomes of what it does to us. Each trap of the client is shown first as it is.

const spec = (name = 'places', model = 'test-3', dimension = 3) => collectionSpec(name, model, dimension);
const vector = Float32Array.from([1, 0, 0]);
const query = { businessId: 'acme', vector, limit: 5 };
const JSON_REPLY = 'application/json';

function point(n: number): Point {
  return {
    id: derivedId('point', n),
    vector,
    payload: {
      business_id: 'acme',
      document_id: derivedId('document', n),
      version: 1,
      chunk_id: derivedId('chunk', n),
      title: `Point ${n}`,
      text: 'What it says',
      start: 0,
      end: 12,
      metadata: { year: 2_024, tags: ['a', 'b'] },
    },
  };
}

describe('QdrantVectorStore', () => {
  let qdrant: QdrantDouble;
  let store: QdrantVectorStore;
  /** The client as one would take it. */
  let naive: QdrantClient;

  beforeEach(async () => {
    qdrant = await startQdrant();
    store = new QdrantVectorStore(qdrant.url);
    naive = new QdrantClient({ url: qdrant.url, checkCompatibility: false });
    await store.ensure(spec());
    await store.upsert('places', [point(1)]);
  });
  afterEach(async () => {
    await store.close();
    await qdrant.stop();
  });

  const search = (signal = AbortSignal.timeout(5_000)) => store.nearest('places', query, signal);
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );
  const faultOf = async (fault: QdrantFault) => {
    qdrant.behave(fault);
    return classifyQdrant(await failure(search()));
  };

  describe('what the server is told', () => {
    it('makes collections with the settings of the deployments that it takes the place of', async () => {
      const info = (await naive.getCollection('places')) as Record<string, any>;
      expect(info.config).toMatchObject({
        params: { vectors: { size: 3, distance: 'Cosine' } },
        hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10_000 },
        optimizer_config: {
          default_segment_number: 2,
          max_segment_size: 200_000,
          memmap_threshold: 50_000,
          indexing_threshold: 20_000,
        },
        metadata: { model: 'test-3' },
      });
      expect(info.payload_schema).toMatchObject({
        business_id: { data_type: 'keyword', params: { is_tenant: true } },
        document_id: { data_type: 'uuid' },
        'indexed.tokens': { data_type: 'uuid' },
      });
    });

    it('makes one collection when five replicas ask for it at once, and every one of them succeeds', async () => {
      const replicas = Array.from({ length: 5 }, () => new QdrantVectorStore(qdrant.url));
      await Promise.all(replicas.map((replica) => replica.ensure(spec('fresh'))));
      const made = (await store.collections()).filter(({ name }) => name.startsWith('fresh'));
      expect(made).toEqual([{ name: 'fresh_1', alias: 'fresh', model: 'test-3', dimension: 3, points: 0 }]);
      await Promise.all(replicas.map((replica) => replica.close()));
    });

    it('refuses a collection that names no model, or compares by another distance', async () => {
      await naive.createCollection('foreign_1', { vectors: { size: 3, distance: 'Cosine' } });
      await naive.updateCollectionAliases({
        actions: [{ create_alias: { alias_name: 'foreign', collection_name: 'foreign_1' } }],
      });
      const refused = await failure(store.ensure(spec('foreign')));
      expect(refused).toBeInstanceOf(CollectionMismatch);
      expect(refused).toHaveProperty('message', expect.stringContaining('a model that it does not name'));
    });

    it('waits until each write is applied, which the client would not do', async () => {
      await naive.delete('places', { points: [point(1).id] });
      expect(await store.count('places', query)).toBe(1);
      await store.upsert('places', [point(2)]);
      await store.remove('places', { businessId: 'acme', documentId: point(2).payload.document_id });
      expect((await store.list('places', { businessId: 'acme', limit: 9 })).points).not.toContainEqual(
        expect.objectContaining({ id: point(2).id }),
      );
      const writes = qdrant.requests.filter(({ method, path }) =>
        /PUT .*(points|index)$|POST .*delete$/.test(`${method} ${path}`),
      );
      // All but the naive one.
      expect(writes.filter(({ query: said }) => said.get('wait') !== 'true')).toHaveLength(1);
    });

    it('keeps to itself what it needs for the filters', async () => {
      expect((await search())[0]!.payload).toEqual(point(1).payload);
    });

    it('asks nothing by itself when it is made, which the client does', async () => {
      const before = qdrant.count(/GET \/$/);
      void new QdrantClient({ url: qdrant.url });
      await eventuallyHolds(() => expect(qdrant.count(/GET \/$/)).toBe(before + 1));
      void new QdrantVectorStore(qdrant.url);
      await search();
      expect(qdrant.count(/GET \/$/)).toBe(before + 1);
    });

    it('shows its key, and says so when it is wrong or missing', async () => {
      const closed = await startQdrant({ apiKey: 'right' });
      const open = async (key?: string) => {
        const client = new QdrantVectorStore(closed.url, key);
        const outcome = await failure(client.check(AbortSignal.timeout(5_000)));
        await client.close();
        return outcome;
      };
      expect(await open('right')).toBeUndefined();
      for (const key of ['wrong', undefined])
        expect(classifyQdrant(await open(key))).toEqual({ reason: 'unauthorized', transient: false });
      await closed.stop();
    });
  });

  describe('when the server misbehaves', () => {
    it.each<[string, QdrantFault, object]>([
      ['a failure of its own', { kind: 'status', status: 500 }, { reason: 'failed', transient: true }],
      [
        'too much to do',
        { kind: 'status', status: 503, retryAfter: '2' },
        { reason: 'overloaded', transient: true, retryAfterMs: 2_000 },
      ],
      ['a proxy that finds nobody', { kind: 'html' }, { reason: 'unreachable', transient: true }],
      [
        'a proxy that waited in vain',
        { kind: 'status', status: 504 },
        { reason: 'timeout', transient: true },
      ],
      [
        'a key that it does not take',
        { kind: 'status', status: 403 },
        { reason: 'unauthorized', transient: false },
      ],
      [
        'a full disk',
        { kind: 'status', status: 500, body: '{"status":{"error":"No space left on device"}}' },
        { reason: 'storage_full', transient: false },
      ],
      ['a reset', { kind: 'reset' }, { reason: 'unreachable', transient: true }],
      ['half a reply', { kind: 'truncate' }, { reason: 'unreachable', transient: true }],
      [
        'JSON that ends too soon',
        { kind: 'status', status: 200, body: '{"result":{"points":[' },
        { reason: 'bad_reply', transient: true },
      ],
      [
        'a page of somebody else',
        { kind: 'status', status: 200, body: '<html></html>', contentType: 'text/html' },
        { reason: 'bad_reply', transient: true },
      ],
      [
        'an answer without a result',
        { kind: 'status', status: 200, body: '{"status":"ok"}' },
        { reason: 'bad_reply', transient: true },
      ],
      [
        'a success of another kind',
        { kind: 'status', status: 202, body: '{}' },
        { reason: 'bad_reply', transient: true },
      ],
    ])('says of %s what it is', async (_what, fault, wanted) => {
      expect(await faultOf(fault)).toEqual(wanted);
      qdrant.behave();
      expect(await search()).toHaveLength(1);
    });

    it('holds nothing against it when the request was wrong', async () => {
      expect(await faultOf({ kind: 'status', status: 400 })).toMatchObject({
        reason: 'bad_reply',
        counts: false,
      });
    });

    it('knows a server that is gone, and finds its points again when it is back', async () => {
      await qdrant.stop();
      expect(classifyQdrant(await failure(search()))).toEqual({ reason: 'unreachable', transient: true });
      await qdrant.start();
      expect(await search()).toHaveLength(1);
    });

    it('takes vectors of another size for a mismatch that says nothing of its health', async () => {
      const wrong = store.nearest('places', { ...query, vector: Float32Array.from([1, 0]) });
      expect(classifyQdrant(await failure(wrong))).toEqual({
        reason: 'mismatch',
        transient: false,
        counts: false,
      });
    });

    it('says that a collection was lost, from a search and from its check, and makes it again', async () => {
      qdrant.lose();
      expect(await failure(search())).toBeInstanceOf(CollectionMissing);
      expect(await failure(store.upsert('places', [point(1)]))).toBeInstanceOf(CollectionMissing);
      expect(await failure(store.check(AbortSignal.timeout(5_000)))).toBeInstanceOf(CollectionMissing);
      expect(await store.ensure(spec())).toBe(true);
      expect(await store.check(AbortSignal.timeout(5_000))).toBeUndefined();
      expect(await search()).toEqual([]);
    });
  });

  describe('Retry-After', () => {
    const limited = (retryAfter?: string): QdrantFault => ({
      kind: 'status',
      status: 429,
      contentType: JSON_REPLY,
      ...(retryAfter !== undefined && { retryAfter }),
    });

    it('is read as it is meant, where the client reads the first digit and fails at a date', async () => {
      qdrant.behave(limited('30'));
      expect(await failure(naive.count('places'))).toMatchObject({ retry_after: 3 });
      expect(classifyQdrant(await failure(search()))).toEqual({
        reason: 'rate_limited',
        transient: false,
        retryAfterMs: 30_000,
        suspendMs: 30_000,
      });
      const date = new Date(Date.now() + 90_000).toUTCString();
      qdrant.behave(limited(date));
      expect(await failure(naive.count('places'))).toHaveProperty(
        'message',
        expect.stringMatching(/Invalid retryAfter/),
      );
      const { suspendMs } = classifyQdrant(await failure(search()))!;
      expect(suspendMs).toBeGreaterThan(80_000);
      expect(suspendMs).toBeLessThanOrEqual(90_000);
    });

    it('is a second where the server names no time', async () => {
      expect(await faultOf(limited())).toMatchObject({ reason: 'rate_limited', suspendMs: 1_000 });
    });
  });

  describe('while it hangs', () => {
    it('ends a call with its signal, on the server too, which the client with a timeout does not', async () => {
      qdrant.behave({ kind: 'hang' });
      const impatient = new QdrantClient({ url: qdrant.url, checkCompatibility: false, timeout: 1_500 });
      const abort = AbortSignal.timeout(100);
      const startedMs = performance.now();
      await failure(impatient.api().countPoints({ collection_name: 'places' }, { signal: abort }));
      expect(performance.now() - startedMs).toBeGreaterThan(1_000);

      const endedMs = performance.now();
      expect(await failure(search(AbortSignal.timeout(100)))).toMatchObject({ name: 'TimeoutError' });
      expect(performance.now() - endedMs).toBeLessThan(1_000);
      await eventuallyHolds(() =>
        expect(qdrant.requests.at(-1)).toMatchObject({
          path: '/collections/places/points/query',
          aborted: true,
        }),
      );
    });

    it('leaves a socket for the check, however many searches hang', async () => {
      const dependency = new Dependency({
        name: 'vector_store',
        criticality: 'optional',
        adapter: 'qdrant',
        traits: store.traits,
        classify: classifyQdrant,
        check: (signal) => store.check(signal),
        timeoutMs: 60_000,
        retries: 0,
        concurrencyMax: CONCURRENCY_MAX,
        circuit: { consecutiveFaults: 1_000, windowCalls: 10_000, backoffMinMs: 1_000, backoffMaxMs: 1_000 },
        retryBudget: { ratio: 1, floor: 1_000 },
      });
      const guarded = new GuardedVectorStore(store, dependency, 60_000);
      qdrant.behave({ kind: 'hang' }, /query/);
      const searches = Array.from({ length: 2 * CONCURRENCY_MAX }, () => guarded.nearest('places', query));
      const settled = Promise.allSettled(searches);
      await eventuallyHolds(() => expect(qdrant.count(/query/)).toBe(CONCURRENCY_MAX));
      await expect(guarded.check(AbortSignal.timeout(2_000))).resolves.toBeUndefined();
      qdrant.behave();
      expect((await settled).filter(({ status }) => status === 'rejected')).toEqual([]);
    });
  });
});
