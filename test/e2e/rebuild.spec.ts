import { Rebuild } from '../../src/features/knowledge/rebuild.js';
import { Reconciler } from '../../src/features/knowledge/reconciler.js';
import { derivedId } from '../../src/kernel/ids.js';
import { Embedder } from '../../src/platform/llm/embedder.js';
import { Jobs } from '../../src/platform/jobs/jobs.js';
import { collectionSpec, VectorStore, type Point } from '../../src/platform/vector-store/vector-store.js';
import { boot, type Booted } from '../support/boot.js';
import { aDocument, documents, ingest } from '../support/documents.js';
import { eventuallyHolds } from '../support/eventually.js';
import { startQdrant, type QdrantDouble } from '../support/qdrant.js';

// On the embedded database each time; what differs is where the vectors are.

const PATIENCE = { timeoutMs: 30_000, everyMs: 50 };
const LASTING = AbortSignal.timeout(600_000);

describe.each(['pgvector', 'qdrant'])('The index of vectors (%s)', (adapter) => {
  let qdrant: QdrantDouble | undefined;
  let service: Booted;
  let store: VectorStore;

  beforeAll(async () => {
    qdrant = adapter === 'qdrant' ? await startQdrant() : undefined;
    service = await boot({ ...(qdrant && { QDRANT_URL: qdrant.url }) });
    store = part(VectorStore);
    for (const document of documents(12)) await ingest(service.api, document);
    for (const document of documents(3, { business_id: 'other' })) await ingest(service.api, document);
  }, 90_000);
  afterAll(async () => {
    await service?.close();
    await qdrant?.stop();
  });

  const part = <T>(type: abstract new (...args: never[]) => T): T => service.app.get(type, { strict: false });
  const rebuild = () => part(Rebuild).run('documents', LASTING);
  const reconcile = () => part(Reconciler).reconcile('documents', LASTING);
  const find = async (query: string, body: object = {}) =>
    (await service.api('POST', '/api/v1/search', { query, mode: 'vector', limit: 30, ...body })).body;
  const pointsOf = (documentId: string) => store.count('documents', { businessId: 'default', documentId });
  const remove = (id: string) => service.api('DELETE', `/api/v1/documents/${id}`);
  const documentOf = async (title: string) =>
    (await find(title)).hits.find((hit: { title: string }) => hit.title === title);
  const allDone = () =>
    eventuallyHolds(
      async () => expect(await part(Jobs).depth()).toMatchObject({ queued: 0, running: 0 }),
      PATIENCE,
    );

  function stray(documentId: string, version = 1): Point {
    const { dimension } = part(Embedder);
    return {
      id: derivedId('stray', documentId, version),
      vector: Float32Array.from({ length: dimension }, (_, i) => (i === 0 ? 1 : 0)),
      payload: {
        business_id: 'default',
        document_id: documentId,
        version,
        chunk_id: derivedId('stray chunk', documentId),
        title: 'Stray',
        text: 'Nobody should see this',
        start: 0,
        end: 10,
        metadata: {},
      },
    };
  }

  describe('reconcile', () => {
    it('finds nothing to mend in an index that is as it should be', async () => {
      await allDone();
      expect(await reconcile()).toEqual({ collection: 'documents', missing: 0, stale: 0, surplus: 0 });
    });

    it('mends what is missing, stale and surplus, and says how much of each there was', async () => {
      const lost = await documentOf('Station 3');
      const outdated = await ingest(service.api, aDocument({ title: 'Third', external_id: 'outdated' }));
      await ingest(service.api, aDocument({ title: 'Third', external_id: 'outdated' }));
      const nowhere = derivedId('nowhere');
      await allDone();
      await store.remove('documents', { businessId: 'default', documentId: lost.document_id });
      await store.upsert('documents', [stray(outdated.id, 1), stray(nowhere)]);
      const before = await pointsOf(outdated.id);

      expect(await reconcile()).toEqual({ collection: 'documents', missing: 1, stale: 1, surplus: 1 });
      expect((await documentOf('Station 3')).chunk_id).toBe(lost.chunk_id);
      expect(await pointsOf(outdated.id)).toBe(before - 1);
      expect(await pointsOf(nowhere)).toBe(0);
      expect(await reconcile()).toMatchObject({ missing: 0, stale: 0, surplus: 0 });
      await remove(outdated.id);
    }, 60_000);

    it('mends a document of which only a part is missing, of each tenant', async () => {
      const long = Array.from(
        { length: 60 },
        (_, i) => `## Part ${i}\n\n${`Word ${i} of many. `.repeat(40)}`,
      ).join('\n\n');
      const { id, chunk_count: chunks } = await ingest(
        service.api,
        aDocument({ title: 'Long', content: long }),
      );
      expect(chunks).toBeGreaterThan(10);
      const { points } = await store.list('documents', {
        businessId: 'default',
        documentIds: [id],
        limit: 1_000,
      });
      expect(points).toHaveLength(chunks);
      // Of all that the port can do, only replacing them with another document's takes single points away.
      const stolen = points.slice(0, 3).map((ref): Point => ({ ...stray(derivedId('thief')), id: ref.id }));
      await store.remove('documents', { businessId: 'default', documentId: id });
      await store.upsert('documents', stolen);
      expect(await reconcile()).toMatchObject({ missing: 1 });
      expect(await pointsOf(id)).toBe(chunks);
      await remove(id);
    }, 60_000);

    // Only the double can be made to take its time over one request.
    if (adapter === 'qdrant') {
      it('leaves no point of a document that is deleted while it is being written', async () => {
        const { id } = await ingest(service.api, aDocument({ title: 'Fleeting', content: 'Here and gone.' }));
        await allDone();
        await store.remove('documents', { businessId: 'default', documentId: id });
        const before = qdrant!.count(/PUT .*points$/);
        qdrant!.behave({ kind: 'hang' }, /PUT .*points$/);
        const reconciling = reconcile();
        await eventuallyHolds(() => expect(qdrant!.count(/PUT .*points$/)).toBe(before + 1), PATIENCE);
        // All that follows from the deletion is done before the points are there.
        expect((await remove(id)).status).toBe(204);
        await allDone();
        qdrant!.behave();
        // Not as a surplus that is found afterwards: as what it did itself.
        expect(await reconciling).toMatchObject({ missing: 1, surplus: 0 });
        expect(await pointsOf(id)).toBe(0);
      }, 60_000);
    }
  });

  describe('rebuild', () => {
    it('gives the same answers from a new collection, and drops the old one', async () => {
      await allDone();
      const questions = ['buoy 7 relit by keeper', 'station reports', 'Ada', 'keeper Gus relit buoy'];
      const answers = async () => {
        const found = [];
        for (const question of questions) {
          const { hits } = await find(question);
          found.push(
            hits.map((hit: { chunk_id: string; score: number }) => [hit.chunk_id, hit.score.toFixed(5)]),
          );
        }
        return found;
      };
      const before = await answers();
      const rebuilt = await rebuild();
      expect(rebuilt.caughtUp).toEqual({ missing: 0, stale: 0, surplus: 0 });
      expect(rebuilt.dropped).toHaveLength(1);
      expect(await answers()).toEqual(before);
      const ours = (await store.collections()).filter(({ name }) => /^documents_\d+$/.test(name));
      expect(ours).toMatchObject([{ name: rebuilt.into, alias: 'documents' }]);
      expect(await find('buoy', { business_id: 'other' })).toMatchObject({ hits: { length: 3 } });
    }, 60_000);

    it('fails no search and loses no change while it is at work', async () => {
      const gone = await ingest(service.api, aDocument({ title: 'Gone', content: 'The tern flies south.' }));
      let over = false;
      let searches = 0;
      const watching = (async () => {
        for (; !over; searches += 1) {
          const reply = await service.api('POST', '/api/v1/search', {
            query: 'Station 5 reports buoy',
            limit: 5,
          });
          expect(reply).toMatchObject({ status: 200, body: { retrieval: 'hybrid', degraded_because: [] } });
          expect(reply.body.hits.map((hit: { title: string }) => hit.title)).toContain('Station 5');
        }
      })();
      const kept: string[] = [];
      const changing = (async () => {
        for (let i = 0; !over; i += 1) {
          const title = `Meanwhile ${i % 5}`;
          const content = `The ${i}th message in a bottle came from Cape ${i}.`;
          const { id } = await ingest(service.api, aDocument({ title, content, external_id: title }));
          if (i === 1) expect((await remove(gone.id)).status).toBe(204);
          kept[i % 5] = id;
        }
      })();
      await rebuild();
      await rebuild();
      over = true;
      await Promise.all([watching, changing]);
      expect(searches).toBeGreaterThan(3);
      await allDone();
      expect(await reconcile()).toMatchObject({ missing: 0, stale: 0, surplus: 0 });
      expect(await pointsOf(gone.id)).toBe(0);
      for (const id of kept) expect(await pointsOf(id)).toBe(1);
      for (const id of kept) await remove(id);
    }, 120_000);

    it('goes on with what a rebuild left that was cut off', async () => {
      await allDone();
      const { into } = await rebuild();
      const next = `documents_${Number(into.split('_')[1]) + 1}`;
      const { model, dimension } = part(Embedder);
      await store.create(collectionSpec('documents', model, dimension), next);
      await store.upsert(next, [stray(derivedId('left behind'))]);
      const rebuilt = await rebuild();
      expect(rebuilt).toMatchObject({ into: next, filled: { surplus: 1 }, dropped: [into] });
    }, 60_000);

    if (adapter === 'qdrant') {
      it('waits while the store asks it to, and goes on where it was', async () => {
        await allDone();
        qdrant!.behave({ kind: 'status', status: 429, retryAfter: '1' }, /PUT .*points$/);
        const rebuilding = rebuild();
        await eventuallyHolds(() => expect(qdrant!.requests.at(-1)?.status).toBe(429), PATIENCE);
        qdrant!.behave();
        const { filled, caughtUp } = await rebuilding;
        expect(filled.missing).toBeGreaterThanOrEqual(15);
        expect(caughtUp).toEqual({ missing: 0, stale: 0, surplus: 0 });
      }, 60_000);
    }

    it('does not go on with one of another model', async () => {
      const { into } = await rebuild();
      const generation = Number(into.split('_')[1]);
      await store.create(collectionSpec('documents', 'another', 5), `documents_${generation + 1}`);
      const rebuilt = await rebuild();
      expect(rebuilt.into).toBe(`documents_${generation + 2}`);
      expect(rebuilt.dropped).toEqual([into, `documents_${generation + 1}`]);
      expect(await find('Station 5 reports')).toMatchObject({ retrieval: 'vector', degraded_because: [] });
    }, 60_000);

    it('does not know a collection that is not in the settings', async () => {
      await expect(part(Rebuild).run('nothing', LASTING)).rejects.toThrow(/must be one of/);
      await expect(part(Reconciler).reconcile('nothing', LASTING)).rejects.toThrow(/must be one of/);
    });
  });
});

describe('A document that is being embedded while the name of its collection moves', () => {
  it('has all of its points where the name points then', async () => {
    const qdrant = await startQdrant();
    const service = await boot({ QDRANT_URL: qdrant.url, VECTOR_SEARCH_BATCH_SIZE: '1' });
    const writes = /PUT .collections.documents.points$/;
    try {
      const content = Array.from(
        { length: 6 },
        (_, i) => `## Part ${i}\n\n${`Word ${i} of many. `.repeat(40)}`,
      ).join('\n\n');
      qdrant.behave({ kind: 'slow', ms: 200 }, writes);
      const ingesting = ingest(service.api, aDocument({ title: 'Long', content }), PATIENCE);
      await eventuallyHolds(
        () => expect(qdrant.requests.find(isWritten)).toMatchObject({ status: 200 }),
        PATIENCE,
      );
      // Some of its points are in the old collection; the others come when the new one has taken its place.
      qdrant.behave({ kind: 'hang' }, writes);
      await service.app.get(Rebuild, { strict: false }).run('documents', LASTING);
      qdrant.behave();
      const { id, status, chunk_count: chunks } = await ingesting;
      expect({ status, many: chunks > 4 }).toEqual({ status: 'ready', many: true });
      const store = service.app.get(VectorStore, { strict: false });
      expect(await store.count('documents', { businessId: 'default', documentId: id })).toBe(chunks);
    } finally {
      await service.close();
      await qdrant.stop();
    }

    function isWritten({ method, path, status }: { method: string; path: string; status?: number }): boolean {
      return writes.test(`${method} ${path}`) && status !== undefined;
    }
  }, 60_000);
});
