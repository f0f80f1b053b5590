import { tmpdir } from 'node:os';
import { QdrantVectorStore } from '../../src/platform/vector-store/qdrant.vector-store.js';
import { collectionSpec } from '../../src/platform/vector-store/vector-store.js';
import { boot, type Booted } from '../support/boot.js';
import { startCli } from '../support/cli.js';
import { aDocument, documents, ingest } from '../support/documents.js';
import { eventuallyHolds } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { startQdrant, type QdrantDouble } from '../support/qdrant.js';

// The commands run in processes of their own, on the databases that the service uses meanwhile.

const PATIENCE = { timeoutMs: 30_000, everyMs: 50 };

describeWithPostgres('The index of vectors, from the command line', () => {
  let server: PostgresServer;
  let qdrant: QdrantDouble;
  let env: Record<string, string>;
  let service: Booted | undefined;

  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server?.stop());
  beforeEach(async () => {
    qdrant = await startQdrant();
    env = { DATABASE_URL: await server.newDatabase(), QDRANT_URL: qdrant.url, HEALTH_INTERVAL_MS: '200' };
  });
  afterEach(async () => {
    await service?.close();
    service = undefined;
    await qdrant.stop();
  });

  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await startCli('main', args, tmpdir(), env).ended;
    const lines = stdout.split('\n').filter((line) => line !== '');
    return { code, stderr, lines, json: () => lines.map((line) => JSON.parse(line) as unknown) };
  };
  const search = async () =>
    (await service!.api('POST', '/api/v1/search', { query: 'Station 5 reports buoy', limit: 30 })).body;

  it('mends and rebuilds beside a service that goes on', async () => {
    service = await boot(env);
    for (const document of documents(6)) await ingest(service.api, document);
    const store = new QdrantVectorStore(qdrant.url);
    const { hits } = await search();
    await store.remove('documents', { businessId: 'default', documentId: hits[0].document_id });

    const reconciled = await run('reconcile', '--collection', 'documents', '--json');
    expect(reconciled.json()).toEqual([{ collection: 'documents', missing: 1, stale: 0, surplus: 0 }]);
    expect(await store.count('documents', { businessId: 'default' })).toBe(6);

    const rebuilt = await run('rebuild', '--json');
    expect(rebuilt.code).toBe(0);
    expect(rebuilt.json()).toContainEqual({
      collection: 'documents',
      into: 'documents_2',
      filled: { missing: 6, stale: 0, surplus: 0 },
      caughtUp: { missing: 0, stale: 0, surplus: 0 },
      dropped: ['documents_1'],
    });
    expect(rebuilt.lines).toHaveLength(5);
    expect(await search()).toMatchObject({ retrieval: 'hybrid', degraded_because: [] });
    expect((await run('rebuild', '--collection', 'questions')).lines).toEqual([
      'questions: 0 documents written to questions_3, questions_2 dropped',
    ]);
    expect(await run('rebuild', '--collection', 'nothing')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/COLLECTIONS/),
    });
    await store.close();
  }, 120_000);

  it('gets over an index of another model: no start without a word, a start without vectors, and all of it after a rebuild', async () => {
    const store = new QdrantVectorStore(qdrant.url);
    service = await boot(env);
    const ready = await ingest(service.api, aDocument());
    await service.close();
    // The vectors of what is ready are those of a model that is no longer ours.
    await store.create(collectionSpec('documents', 'another model', 5), 'documents_9');
    await store.alias('documents', 'documents_9');
    await store.drop('documents_1');
    await expect(boot(env)).rejects.toThrow(/holds vectors of another model \(5 dimensions\)/);
    expect(await run('check')).toMatchObject({ code: 14, stderr: expect.stringMatching(/rebuild/) });

    service = await boot({ ...env, COLLECTION_MISMATCH: 'keyword' });
    const { id } = (await service.api('POST', '/api/v1/documents', documents(6)[5])).body;
    const found = await search();
    expect(found).toMatchObject({ retrieval: 'keyword', degraded_because: [{ dependency: 'vector_store' }] });
    expect(found.hits).toHaveLength(1);
    expect(await store.count('documents', { businessId: 'default' })).toBe(0);

    expect((await run('rebuild', '--collection', 'documents')).code).toBe(0);
    await eventuallyHolds(async () => {
      expect((await service!.api('GET', `/api/v1/documents/${id}`)).body.status).toBe('ready');
      expect(await search()).toMatchObject({ retrieval: 'hybrid', degraded_because: [] });
    }, PATIENCE);
    expect(await store.count('documents', { businessId: 'default', documentId: id })).toBe(1);
    expect(await store.count('documents', { businessId: 'default', documentId: ready.id })).toBe(
      ready.chunk_count,
    );
    await store.close();
  }, 120_000);
});
