import { boot, type Booted } from '../support/boot.js';
import { aDocument } from '../support/documents.js';
import { eventually } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';

// Debian's PostgreSQL has no pgvector: a server that cannot keep vectors is what this machine has to offer, and what a
// user may well have too.
describeWithPostgres('The service on a PostgreSQL server without pgvector', () => {
  let server: PostgresServer;
  let service: Booted;
  beforeAll(async () => {
    server = await PostgresServer.start();
    service = await boot({
      DATABASE_URL: await server.newDatabase(),
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    });
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await server?.stop();
  });

  it('starts, and says that it is degraded and why', async () => {
    const { status, body } = await service.api('GET', '/api/v1/health/readiness');
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'degraded', checks: { database: { status: 'up' } } });
    expect(body.checks.vector_store.status).not.toBe('up');
  });

  it('takes a document, finds it by its words, and says of it that its vectors are waited for', async () => {
    const { status, body } = await service.api('POST', '/api/v1/documents', aDocument());
    expect(status).toBe(202);
    const found = await service.api('POST', '/api/v1/search', { query: 'What does the lamp burn?' });
    expect(found.body).toMatchObject({
      retrieval: 'keyword',
      degraded_because: [{ dependency: 'vector_store' }],
      hits: [{ document_id: body.id }],
    });
    await eventually(
      async () => {
        const document = (await service.api('GET', `/api/v1/documents/${body.id}`)).body;
        return document.status === 'queued' && document.error?.code === 'waiting';
      },
      { timeoutMs: 20_000 },
    );
    // Between two tries; while one is under way it is running.
    const job = await eventually(
      async () => (await service.api('GET', '/api/v1/jobs?status=retrying')).body.data[0],
      { timeoutMs: 20_000 },
    );
    expect(job).toMatchObject({ kind: 'ingest', last_error: expect.stringContaining('vector_store') });
  }, 60_000);

  it('answers 503 with Retry-After while the database is away, stays alive, and serves again when it is back', async () => {
    await server.kill();
    const away = await eventually(async () => {
      const reply = await service.api('POST', '/api/v1/search', { query: 'lamp' });
      return reply.status === 503 ? reply : undefined;
    });
    expect(away.body.code).toBe('dependency_unavailable');
    expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
    const write = await service.api('POST', '/api/v1/documents', aDocument());
    expect(write).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
    expect((await service.api('GET', '/health')).status).toBe(200);
    await eventually(async () => (await service.api('GET', '/api/v1/health/readiness')).status === 503, {
      timeoutMs: 20_000,
    });
    await server.restart();
    await eventually(async () => (await service.api('GET', '/api/v1/health/readiness')).status === 200, {
      timeoutMs: 20_000,
    });
    const { hits } = (await service.api('POST', '/api/v1/search', { query: 'lamp' })).body;
    expect(hits).toHaveLength(1);
  }, 60_000);
});
