import { Removals } from '../../src/features/knowledge/removals.js';
import { Jobs } from '../../src/platform/jobs/jobs.js';
import { boot, type Booted } from '../support/boot.js';
import { aDocument, ingest, type SentDocument } from '../support/documents.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { startQdrant, type QdrantDouble } from '../support/qdrant.js';

// The service on a PostgreSQL server and a Qdrant server, of which one or the other dies, hangs, is slow, limits or forgets.

const SEARCH_TIMEOUT_MS = 400;
// For a machine that is busy with other things: what matters is that nobody waits for the server that hangs.
const SOON_MS = 4_000;
const PATIENCE = { timeoutMs: 30_000, everyMs: 50 };

describeWithPostgres('The service on PostgreSQL and Qdrant', () => {
  let server: PostgresServer;
  let qdrant: QdrantDouble;
  let settings: Record<string, string>;
  let service: Booted;

  beforeAll(async () => {
    server = await PostgresServer.start();
    qdrant = await startQdrant();
    settings = {
      DATABASE_URL: await server.newDatabase(),
      QDRANT_URL: qdrant.url,
      VECTOR_SEARCH_TIMEOUT_MS: String(SEARCH_TIMEOUT_MS),
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    };
    service = await boot(settings);
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await qdrant?.stop();
    await server?.stop();
  });
  beforeEach(async () => {
    qdrant.behave();
    await eventuallyHolds(async () => expect(await checks()).toMatchObject(UP), PATIENCE);
  }, 60_000);

  const UP = { database: { status: 'up' }, vector_store: { status: 'up' } };
  const checks = async () => (await service.api('GET', '/api/v1/health/readiness')).body.checks;
  const search = async (body: object) => {
    const startedMs = performance.now();
    const reply = await service.api('POST', '/api/v1/search', body);
    return { ...reply, tookMs: performance.now() - startedMs };
  };
  const find = async (query: string, mode = 'hybrid') => (await search({ query, mode })).body;
  const titles = (found: { hits: { title: string }[] }) => [...new Set(found.hits.map(({ title }) => title))];
  const store = async (document: Partial<SentDocument>) => {
    const reply = await service.api('POST', '/api/v1/documents', aDocument(document));
    expect(reply.status).toBe(202);
    return reply.body.id as string;
  };
  const remove = (id: string) => service.api('DELETE', `/api/v1/documents/${id}`);
  const foundByVector = (query: string, title: string) =>
    eventuallyHolds(async () => {
      const found = await find(query, 'vector');
      expect(found).toMatchObject({ retrieval: 'vector', verified: true, degraded_because: [] });
      expect(titles(found)).toContain(title);
    }, PATIENCE);

  it('finds by words and by vectors, and filters both alike', async () => {
    const metadata = { year: [1891, 1899], revised: '1899-12-31T22:00:00-02:00', kind: 'log' };
    await ingest(
      service.api,
      aDocument({ title: 'Storm log', content: 'The gale took the gallery rail.', metadata }),
    );
    for (const mode of ['hybrid', 'vector', 'keyword']) {
      const of = async (filter: object) =>
        titles((await search({ query: 'gale gallery rail', mode, filter })).body);
      expect(await of({ kind: 'log', year: { gte: 1_895 } })).toEqual(['Storm log']);
      expect(await of({ year: { gte: 1_892, lte: 1_898 } })).toEqual([]);
      expect(await of({ revised: { gte: '1900-01-01', lte: '1900-01-01' } })).toEqual(['Storm log']);
    }
  });

  it('goes on by words when Qdrant is killed, takes documents in, and catches up by itself when it is back', async () => {
    await ingest(service.api, aDocument({ title: 'Before', content: 'The puffin nests below the lamp.' }));
    await qdrant.stop();
    const found = await find('puffin nests');
    expect(found).toMatchObject({
      retrieval: 'keyword',
      verified: true,
      degraded_because: [{ dependency: 'vector_store', reason: expect.any(String) }],
    });
    expect(titles(found)).toEqual(['Before']);
    const id = await store({ title: 'Meanwhile', content: 'A walrus was seen from the gallery.' });
    expect(titles(await find('walrus seen', 'keyword'))).toEqual(['Meanwhile']);
    await eventuallyHolds(async () => expect(await checks()).not.toMatchObject(UP), PATIENCE);
    const { status } = await service.api('GET', '/api/v1/health/readiness');
    expect(status).toBe(200);

    await qdrant.start();
    await foundByVector('walrus seen from the gallery', 'Meanwhile');
    // The points come first, and then the word that all of them are there.
    await eventuallyHolds(async () => {
      const { body } = await service.api('GET', `/api/v1/documents/${id}`);
      expect(body).toMatchObject({ status: 'ready', error: null });
    }, PATIENCE);
  }, 90_000);

  it('shows an operator the collections and how many points they hold', async () => {
    const { body } = await service.api('GET', '/api/v1/health/diagnostics');
    expect(body.dependencies.vector_store).toMatchObject({
      adapter: 'qdrant',
      collections: {
        documents_1: { alias: 'documents', dimension: expect.any(Number), points: expect.any(Number) },
      },
    });
  });

  it('answers soon while Qdrant hangs, and does not go on to ask it', async () => {
    await ingest(
      service.api,
      aDocument({ title: 'Seals', content: 'Seals rest on the skerry at low tide.' }),
    );
    qdrant.behave({ kind: 'hang' });
    for (let i = 0; i < 8; i += 1) {
      const { status, body, tookMs } = await search({ query: 'seals on the skerry' });
      expect({ status, retrieval: body.retrieval }).toEqual({ status: 200, retrieval: 'keyword' });
      expect(tookMs).toBeLessThan(SOON_MS);
    }
    const asked = qdrant.count(/query/);
    for (let i = 0; i < 20; i += 1) await find('seals on the skerry');
    expect(qdrant.count(/query/)).toBe(asked);
    qdrant.behave();
    await foundByVector('seals on the skerry', 'Seals');
  }, 60_000);

  it('falls back to words for a search that Qdrant is too slow for', async () => {
    qdrant.behave({ kind: 'slow', ms: 3 * SEARCH_TIMEOUT_MS }, /query/);
    const { body, tookMs } = await search({ query: 'seals on the skerry' });
    expect(body).toMatchObject({ retrieval: 'keyword', degraded_because: [{ dependency: 'vector_store' }] });
    expect(tookMs).toBeLessThan(SOON_MS);
  });

  it('keeps away for exactly as long as Qdrant asks it to', async () => {
    qdrant.behave({ kind: 'status', status: 429, retryAfter: '2' }, /query/);
    const limitedMs = performance.now();
    expect(await find('seals')).toMatchObject({
      retrieval: 'keyword',
      degraded_because: [{ dependency: 'vector_store', reason: 'rate_limited' }],
    });
    const asked = qdrant.count(/query/);
    qdrant.behave();
    for (let i = 0; i < 20; i += 1) expect((await find('seals')).retrieval).toBe('keyword');
    expect(qdrant.count(/query/)).toBe(asked);
    await eventually(async () => (await find('seals')).retrieval === 'hybrid', PATIENCE);
    const awayMs = performance.now() - limitedMs;
    expect(awayMs).toBeGreaterThan(1_900);
    expect(awayMs).toBeLessThan(2_000 + SOON_MS);
  }, 60_000);

  it('makes its collections again when Qdrant has forgotten them, and every document comes back by itself', async () => {
    await ingest(
      service.api,
      aDocument({ title: 'Otter', content: 'An otter lives under the landing stage.' }),
    );
    await foundByVector('otter under the landing stage', 'Otter');
    await qdrant.stop();
    qdrant.lose();
    await qdrant.start();
    await foundByVector('otter under the landing stage', 'Otter');
  }, 60_000);

  it('deletes at once while Qdrant hangs, and its points when it is back', async () => {
    const { id } = await ingest(
      service.api,
      aDocument({ title: 'Gone', content: 'The gannet dives for herring.' }),
    );
    qdrant.behave({ kind: 'hang' });
    const startedMs = performance.now();
    expect((await remove(id)).status).toBe(204);
    expect(performance.now() - startedMs).toBeLessThan(SOON_MS);
    expect(titles(await find('gannet herring'))).not.toContain('Gone');
    qdrant.behave();
    await eventuallyHolds(async () => expect(await pointsOf(id)).toBe(0), PATIENCE);
  }, 60_000);

  describe('while PostgreSQL is away', () => {
    afterEach(() => server.restart(), 60_000);

    it('answers from the index alone, and says that nobody verified it', async () => {
      await ingest(
        service.api,
        aDocument({ title: 'Skua', content: 'The skua robs other birds.', metadata: { kind: 'bird' } }),
      );
      const { id } = await ingest(
        service.api,
        aDocument({ title: 'Deleted', content: 'The skua was shot.' }),
      );
      expect((await remove(id)).status).toBe(204);
      await ingest(
        service.api,
        aDocument({ title: 'Theirs', content: 'The skua is ours.', business_id: 'other' }),
      );
      await ingest(
        service.api,
        aDocument({ title: 'Replaced', content: 'The skua is blue.', external_id: 'skua' }),
      );
      await ingest(
        service.api,
        aDocument({ title: 'Replacement', content: 'The skua is brown.', external_id: 'skua' }),
      );
      await knowsThatNothingIsOutstanding();

      await server.kill();
      for (const mode of ['hybrid', 'vector', 'keyword']) {
        const found = await find('what does the skua do', mode);
        expect(found).toMatchObject({
          retrieval: 'vector',
          verified: false,
          degraded_because: [{ dependency: 'database', reason: expect.any(String) }],
        });
        expect(titles(found).toSorted()).toEqual(['Replacement', 'Skua']);
        expect(found.hits[0]).toMatchObject({
          chunk_id: expect.any(String),
          document_id: expect.any(String),
          text: expect.stringContaining('skua'),
          start: 0,
          end: expect.any(Number),
        });
      }
      const filtered = await search({ query: 'what does the skua do', filter: { kind: 'bird' } });
      expect(titles(filtered.body)).toEqual(['Skua']);

      await server.restart();
      await eventuallyHolds(
        async () => expect(await find('skua')).toMatchObject({ verified: true }),
        PATIENCE,
      );
    }, 90_000);

    it('answers 503 when a deletion was still on its way into the index', async () => {
      const { id } = await ingest(
        service.api,
        aDocument({ title: 'Petrel', content: 'The petrel walks on water.' }),
      );
      await knowsThatNothingIsOutstanding();
      // This one looks at nothing but its own deletions from now on.
      const deleting = await boot({ ...settings, HEALTH_INTERVAL_MS: '60000' });
      try {
        qdrant.behave({ kind: 'hang' }, /delete/);
        expect((await deleting.api('DELETE', `/api/v1/documents/${id}`)).status).toBe(204);
        // And the other one looks at everybody's.
        await eventuallyHolds(
          () => expect(service.app.get(Removals, { strict: false }).done).toBe(false),
          PATIENCE,
        );
        await server.kill();
        expect(await pointsOf(id)).toBe(1);
        for (const { api } of [deleting, service]) {
          const { status, headers, body } = await api('POST', '/api/v1/search', { query: 'petrel on water' });
          expect({ status, code: body.code }).toEqual({ status: 503, code: 'dependency_unavailable' });
          expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        }
      } finally {
        await deleting.close();
      }
    }, 90_000);

    it('answers 503 when what it knew is older than it may be', async () => {
      const cautious = await boot({ ...settings, UNVERIFIED_SEARCH_MAX_AGE_S: '0' });
      try {
        await server.kill();
        const reply = await cautious.api('POST', '/api/v1/search', { query: 'skua' });
        expect(reply).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
      } finally {
        await cautious.close();
      }
    }, 90_000);

    it('answers 503 when Qdrant is away too', async () => {
      await knowsThatNothingIsOutstanding();
      await server.kill();
      await qdrant.stop();
      const { status, body } = await search({ query: 'skua' });
      expect({ status, code: body.code }).toEqual({ status: 503, code: 'dependency_unavailable' });
      await qdrant.start();
    }, 90_000);
  });

  const pointsOf = async (documentId: string) => {
    const reply = await fetch(`${qdrant.url}/collections/documents/points/count`, {
      method: 'POST',
      body: JSON.stringify({ filter: { must: [{ key: 'document_id', match: { value: documentId } }] } }),
    });
    return ((await reply.json()) as { result: { count: number } }).result.count;
  };

  const knowsThatNothingIsOutstanding = async () => {
    const removals = service.app.get(Removals, { strict: false });
    const jobs = service.app.get(Jobs, { strict: false });
    await eventuallyHolds(async () => {
      expect(await jobs.depth()).toMatchObject({ queued: 0, running: 0 });
      expect(removals.done).toBe(true);
    }, PATIENCE);
  };
});
