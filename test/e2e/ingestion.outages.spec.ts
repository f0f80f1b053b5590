import { jest } from '@jest/globals';
import { IngestionRepository } from '../../src/features/knowledge/ingestion.repository.js';
import { DependencyError } from '../../src/resilience/dependency-error.js';
import { boot, type Booted } from '../support/boot.js';
import { aDocument, ingest, type SentDocument } from '../support/documents.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { startQdrant, type QdrantDouble } from '../support/qdrant.js';

// What happens to documents on their way into the index while something of that way is away, and to who waits meanwhile.

const PATIENCE = { timeoutMs: 40_000, everyMs: 50 };
const UPSERTS = /^PUT .*\/points/;
const COLLECTIONS_MADE = /^PUT \/collections\/[^/]+$/;

describeWithPostgres('Documents on their way into the index', () => {
  let server: PostgresServer;
  let line: FaultProxy;
  let qdrant: QdrantDouble;
  let provider: Provider;
  let database: string;
  let service: Booted;

  beforeAll(async () => {
    [server, qdrant, provider] = await Promise.all([
      PostgresServer.start(),
      startQdrant(),
      startProvider({ dimension: 64 }),
    ]);
    line = await FaultProxy.start(server.port);
    database = await server.newDatabase();
    const throughTheLine = new URL(database);
    throughTheLine.port = String(line.port);
    service = await boot({
      DATABASE_URL: throughTheLine.href,
      QDRANT_URL: qdrant.url,
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_MODEL: 'model',
      ONLY_EMBEDDING_MODEL: 'embedding',
      ONLY_EMBEDDING_DIMENSION: '64',
      EMBEDDING_TIMEOUT_MS: '10000',
      EMBEDDING_CACHE_SIZE: '0',
      VECTOR_SEARCH_TIMEOUT_MS: '500',
      HEALTH_INTERVAL_MS: '200',
      // The first fault is the last before the job is put back: a job does not wait where a circuit is open.
      CIRCUIT_CONSECUTIVE_FAULTS: '1',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    });
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await line?.stop();
    await Promise.all([server, qdrant, provider].map((one) => one?.stop()));
  });
  afterEach(async () => {
    qdrant.behave();
    await Promise.all([line.heal(), provider.behave(undefined)]);
    await eventuallyHolds(async () => {
      const { body } = await service.api('GET', '/api/v1/health/readiness');
      expect(body.status).toBe('ready');
    }, PATIENCE);
  });

  const store = async (document: Partial<SentDocument>) => {
    const reply = await service.api('POST', '/api/v1/documents', aDocument(document));
    expect(reply.status).toBe(202);
    return reply.body.id as string;
  };
  const document = async (id: string) => (await service.api('GET', `/api/v1/documents/${id}`)).body;
  const found = async (query: string, mode: string) =>
    (await service.api('POST', '/api/v1/search', { query, mode })).body;

  it('are put back when the database comes back, and nothing is held against them', async () => {
    qdrant.behave({ kind: 'hang' }, UPSERTS);
    const upserts = qdrant.count(UPSERTS);
    const id = await store({ title: 'Petrel', content: 'A petrel flew against the lantern.' });
    await eventually(() => qdrant.count(UPSERTS) > upserts, PATIENCE);
    await line.behave({ kind: 'refuse' });
    // The job fails while nobody can write down that it did, and then can only wait.
    const putBack = jest.spyOn(service.app.get(IngestionRepository, { strict: false }), 'wait');
    await qdrant.stop();
    await eventually(() => putBack.mock.results[0]?.type === 'return', PATIENCE);
    await expect(putBack.mock.results[0]!.value).rejects.toBeInstanceOf(DependencyError);
    await line.heal();
    const put = await eventually(async () => {
      const [row] = await server.query<{ status: string }>(
        `select status, error_code, interrupted from documents where id = '${id}'`,
        database,
      );
      return row?.status === 'queued' ? row : undefined;
    }, PATIENCE);
    expect(put).toEqual({ status: 'queued', error_code: 'waiting', interrupted: 0 });
    await qdrant.start();
    await eventuallyHolds(async () => expect((await document(id)).status).toBe('ready'), PATIENCE);
  }, 90_000);

  it('do not come back into the index, not even for a moment, when they are deleted on the way', async () => {
    await provider.behave({ kind: 'slow', firstTokenMs: 2_000, on: ['embeddings'] });
    const asked = provider.of('embeddings').length;
    const id = await store({ title: 'Auk', content: 'The great auk has not been seen.' });
    await eventually(() => provider.of('embeddings').length > asked, PATIENCE);
    const upserts = qdrant.count(UPSERTS);
    expect((await service.api('DELETE', `/api/v1/documents/${id}`)).status).toBe(204);
    await eventuallyHolds(async () => {
      const { data } = (await service.api('GET', '/api/v1/jobs?limit=100')).body;
      expect(data.every(({ status }: { status: string }) => status === 'completed')).toBe(true);
    }, PATIENCE);
    // It was embedded, with patience, and then not wanted any more.
    expect(provider.of('embeddings')).toHaveLength(asked + 1);
    expect(provider.of('embeddings').at(-1)!.abandonedAtMs).toBeUndefined();
    expect(qdrant.count(UPSERTS)).toBe(upserts);
  }, 90_000);

  it('are found by their words while an index that was lost takes its time to be made again', async () => {
    await ingest(service.api, aDocument({ title: 'Tern', content: 'A tern nests on the roof.' }));
    qdrant.lose();
    qdrant.behave({ kind: 'slow', ms: 4_000 }, COLLECTIONS_MADE);
    const made = qdrant.count(COLLECTIONS_MADE);
    expect(await found('tern nests', 'hybrid')).toMatchObject({
      retrieval: 'keyword',
      degraded_because: [{ dependency: 'vector_store' }],
      hits: [{ title: 'Tern' }],
    });
    // Of the five of them: who had waited for all would have waited for the whole of a search's time.
    expect(qdrant.count(COLLECTIONS_MADE) - made).toBeLessThanOrEqual(2);
    qdrant.behave();
    await eventuallyHolds(
      async () => expect(await found('tern nests', 'vector')).toMatchObject({ hits: [{ title: 'Tern' }] }),
      PATIENCE,
    );
  }, 90_000);
});
