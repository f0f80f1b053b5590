import pg from 'pg';
import { boot, type Booted } from '../support/boot.js';
import { CommitCutter } from '../support/commit-cutter.js';
import { aDocument } from '../support/documents.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';

const KEY = (key: string) => ({ 'idempotency-key': key });

const documentsOf = async ({ api }: Booted, businessId: string): Promise<string[]> => {
  const { body } = await api('GET', `/api/v1/documents?limit=100&business_id=${businessId}`);
  return body.data.map(({ id }: { id: string }) => id);
};

const form = (content: string) => {
  const data = new FormData();
  data.set('file', new Blob([content], { type: 'text/markdown' }), 'lamp.md');
  data.set('business_id', 'forms');
  return data;
};

describe('A POST with an Idempotency-Key', () => {
  let service: Booted;
  beforeAll(async () => {
    service = await boot();
  }, 60_000);
  afterAll(() => service?.close());

  it('is done once and answered the same each time', async () => {
    const document = aDocument({ business_id: 'once' });
    const first = await service.api('POST', '/api/v1/documents', document, KEY('a'));
    expect(first.status).toBe(202);
    for (let i = 0; i < 3; i += 1) {
      const again = await service.api('POST', '/api/v1/documents', document, KEY('a'));
      expect(again).toMatchObject({ status: 202, body: first.body });
    }
    expect(await documentsOf(service, 'once')).toEqual([first.body.id]);
    const other = await service.api('POST', '/api/v1/documents', document, KEY('b'));
    expect(other.body.id).not.toBe(first.body.id);
  });

  it('is done once as a form as well', async () => {
    const first = await service.api('POST', '/api/v1/documents', form('The lamp.'), KEY('form'));
    expect(first.status).toBe(202);
    const again = await service.api('POST', '/api/v1/documents', form('The lamp.'), KEY('form'));
    expect(again.body).toEqual(first.body);
    const changed = await service.api('POST', '/api/v1/documents', form('The horn.'), KEY('form'));
    expect(changed).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    expect(await documentsOf(service, 'forms')).toEqual([first.body.id]);
  });

  it('is refused with another body, and belongs to its tenant alone', async () => {
    const post = (overrides: object) =>
      service.api('POST', '/api/v1/documents', aDocument(overrides), KEY('mine'));
    const first = await post({ business_id: 'one' });
    expect(await post({ business_id: 'one', title: 'Another' })).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
    const elsewhere = await post({ business_id: 'two', title: 'Another' });
    expect(elsewhere.status).toBe(202);
    expect(elsewhere.body.id).not.toBe(first.body.id);
  });

  it('may be sent again when it was refused: nothing is remembered of that', async () => {
    const refused = await service.api('POST', '/api/v1/documents', aDocument({ content: ' ' }), KEY('c'));
    expect(refused.status).toBe(422);
    const mended = await service.api('POST', '/api/v1/documents', aDocument(), KEY('c'));
    expect(mended.status).toBe(202);
  });

  it.each(['', 'with blanks in it', 'é', 'x'.repeat(256)])(
    'must have a key that is one: "%s"',
    async (key) => {
      // What a header cannot hold is sent as its bytes.
      const headers = KEY(Buffer.from(key).toString('latin1'));
      const reply = await service.api('POST', '/api/v1/documents', aDocument(), headers);
      expect(reply).toMatchObject({
        status: 422,
        body: { code: 'validation_failed', errors: [{ path: 'Idempotency-Key' }] },
      });
    },
  );
});

describeWithPostgres('A POST whose COMMIT is not replied to', () => {
  let server: PostgresServer;
  let cutter: CommitCutter;
  let url: string;
  let service: Booted;
  beforeAll(async () => {
    server = await PostgresServer.start();
    cutter = await CommitCutter.before(server.port);
    url = await server.newDatabase();
    // Nothing but the request itself shall commit: what the background commits would be cut in its place.
    service = await boot({
      DATABASE_URL: cutter.through(url),
      INGEST_CONCURRENCY: '0',
      HEALTH_INTERVAL_MS: '60000',
    });
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await cutter?.close();
    await server?.stop();
  });

  it('is answered by what became of it, where it has a key', async () => {
    cutter.cuts = 1;
    const document = aDocument({ business_id: 'found-out' });
    const reply = await service.api('POST', '/api/v1/documents', document, KEY('k'));
    expect(cutter.cuts).toBe(0);
    expect(reply.status).toBe(202);
    expect(await documentsOf(service, 'found-out')).toEqual([reply.body.id]);
    const again = await service.api('POST', '/api/v1/documents', document, KEY('k'));
    expect(again.body).toEqual(reply.body);
    expect(await documentsOf(service, 'found-out')).toEqual([reply.body.id]);
  });

  it('is answered with 503 where the database is then away, and with the first answer when it is sent again', async () => {
    cutter.cuts = 1;
    cutter.closesThen = true;
    const document = aDocument({ business_id: 'asked-again' });
    const reply = await service.api('POST', '/api/v1/documents', document, KEY('k'));
    expect(reply).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
    expect(reply.headers.get('retry-after')).not.toBeNull();
    cutter.closesThen = false;
    cutter.reopen();
    const again = await service.api('POST', '/api/v1/documents', document, KEY('k'));
    expect(again.status).toBe(202);
    expect(await documentsOf(service, 'asked-again')).toEqual([again.body.id]);
  });

  it('is a conflict while the first one is under way', async () => {
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    await holder.query('begin; lock table documents in exclusive mode');
    const document = aDocument({ business_id: 'busy' });
    const first = service.api('POST', '/api/v1/documents', document, KEY('k'));
    const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    while ((await server.query(waiting, url)).length === 0);
    const second = await service.api('POST', '/api/v1/documents', document, KEY('k'));
    expect(second).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(second.headers.get('retry-after')).toBe('1');
    await holder.end();
    expect((await first).status).toBe(202);
    expect(await documentsOf(service, 'busy')).toEqual([(await first).body.id]);
  });
});
