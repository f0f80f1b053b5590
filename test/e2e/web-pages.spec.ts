import { Documents } from '../../src/features/knowledge/documents.service.js';
import { Rebuild } from '../../src/features/knowledge/rebuild.js';
import { boot, bootChild, type Booted } from '../support/boot.js';
import { aDocument } from '../support/documents.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PageServer } from '../support/page.server.js';
import { PostgresServer } from '../support/postgres.js';
import { startQdrant, type QdrantDouble } from '../support/qdrant.js';

// Documents that are given by the address of a page: from the 202 to ready or failed, on real servers.

const PATIENCE = { timeoutMs: 20_000, everyMs: 50 };
const AFTER_A_DEATH = { timeoutMs: 90_000, everyMs: 200 };
const PAGE = `<!doctype html><html><head><title>Keeping &amp; trimming</title><script>var x = 1;</script></head>
  <body><h1>The wick</h1><p>The keeper trims the wick every four hours.</p></body></html>`;

describeWithPostgres('Documents of a source_url', () => {
  let postgres: PostgresServer;
  let pages: PageServer;
  let qdrant: QdrantDouble;
  let database: string;
  let service: Booted;

  const env = () => ({
    DATABASE_URL: database,
    QDRANT_URL: qdrant.url,
    WEB_PAGES_PRIVATE_HOSTS: pages.host,
    WEB_PAGES_RPM: '100000',
    WEB_PAGES_HOST_RPM: '100000',
  });

  beforeAll(async () => {
    [postgres, pages, qdrant] = await Promise.all([
      PostgresServer.start(),
      PageServer.start(),
      startQdrant(),
    ]);
    database = await postgres.newDatabase();
    service = await boot({
      ...env(),
      WEB_PAGE_TRIES_MAX: '3',
      // One page that fails would open the circuit for all, were it the fault of anybody but the page.
      CIRCUIT_CONSECUTIVE_FAULTS: '1',
    });
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await Promise.all([postgres, pages, qdrant].map((one) => one?.stop()));
  });

  const post = (body: object, headers?: Record<string, string>) =>
    service.api('POST', '/api/v1/documents', body, headers);
  const accept = async (body: object) => {
    const reply = await post(body);
    expect(reply.status).toBe(202);
    return reply.body.id as string;
  };
  const document = async (id: string) => (await service.api('GET', `/api/v1/documents/${id}`)).body;
  const settled = (id: string) =>
    eventually(async () => {
      const shown = await document(id);
      return shown.status === 'ready' || shown.status === 'failed' ? shown : undefined;
    }, PATIENCE);
  const retry = async (id: string) =>
    expect((await service.api('POST', `/api/v1/documents/${id}/retry`)).status).toBe(202);
  const hits = async (query: string, mode = 'keyword') =>
    (await service.api('POST', '/api/v1/search', { query, mode })).body.hits as {
      document_id: string;
      title: string;
      text: string;
    }[];

  it('are acknowledged, fetched through their redirects, and made ready like any other', async () => {
    pages.show('/wick', PAGE);
    const url = pages.redirect('/old-wick', '/wick', 301);
    const id = await accept({ source_url: url, metadata: { from: 'the web' }, external_id: 'wick' });
    expect(await settled(id)).toMatchObject({
      status: 'ready',
      error: null,
      // Until its page says what it calls itself it is called by its address.
      title: 'Keeping & trimming',
      source_url: url,
      content_type: 'text/html',
      content_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      chunk_count: 1,
      external_id: 'wick',
      metadata: { from: 'the web' },
    });
    for (const mode of ['keyword', 'vector'])
      expect((await hits('keeper trims the wick', mode)).filter((hit) => hit.document_id === id)).toEqual([
        expect.objectContaining({ title: 'Keeping & trimming' }),
      ]);
    const { body } = await service.api('GET', `/api/v1/documents/${id}/content`);
    expect(body).toBe('The wick\n\nThe keeper trims the wick every four hours.');
    // What is sent as its content says so.
    expect(await document(await accept(aDocument()))).toMatchObject({ source_url: null });
  });

  it('keep the title that they are given, and are Markdown where their address says so', async () => {
    const url = pages.show('/readme.md', '# Read me\n\nThe horn sounds twice.\n', 'text/plain');
    const id = await accept({ source_url: url, title: 'The horn' });
    expect(await settled(id)).toMatchObject({ title: 'The horn', content_type: 'text/markdown' });
  });

  it.each([
    ['neither content nor address', {}, ['content', 'source_url'], 'either content or source_url'],
    [
      'both',
      { title: 'x', content: 'x', source_url: 'https://example.com/' },
      ['content', 'source_url'],
      'either',
    ],
    ['a content without a title', { content: 'x' }, ['title'], 'content needs one'],
    [
      'a type of their own',
      { source_url: 'https://example.com/', content_type: 'text/plain' },
      ['content_type'],
      'Leave it out',
    ],
    ['no URL', { source_url: 'nowhere' }, ['source_url'], 'no URL'],
    ['another scheme', { source_url: 'file:///etc/passwd' }, ['source_url'], 'http:// or https://'],
    ['credentials', { source_url: 'https://me:secret@example.com/' }, ['source_url'], 'no user name'],
    ['another port', { source_url: 'https://example.com:22/' }, ['source_url'], 'WEB_PAGES_PORTS'],
    [
      'a link-local address',
      { source_url: 'http://169.254.169.254/latest' },
      ['source_url'],
      'public internet',
    ],
    ['loopback as a number', { source_url: 'http://2130706433/' }, ['source_url'], 'public internet'],
    ['loopback as IPv6', { source_url: 'http://[::1]/' }, ['source_url'], 'public internet'],
    ['a name of this machine', { source_url: 'http://localhost/' }, ['source_url'], 'public internet'],
    ['a number', { source_url: 42 }, ['source_url'], ''],
    [
      'an address without end',
      { source_url: `https://example.com/${'x'.repeat(2_000)}` },
      ['source_url'],
      '2000 characters',
    ],
  ])('are refused at once with %s: 422', async (_what, body, paths, words) => {
    const reply = await post(body);
    expect(reply.status).toBe(422);
    expect(reply.body.errors.map(({ path }: { path: string }) => path)).toEqual(paths);
    expect(reply.body.detail).toContain(words);
    expect(reply.body.detail).not.toContain('secret');
  });

  it.each([
    ['nothing is there', 'page_not_found', () => pages.url('/nothing'), 'check it'],
    ['it is no text', 'page_type', () => pages.show('/pdf', '%PDF', 'application/pdf'), 'send what it says'],
    [
      'it leads inside',
      'address_refused',
      () => pages.redirect('/in', 'http://10.0.0.1/'),
      'WEB_PAGES_PRIVATE',
    ],
    ['it is blank', 'page_unreadable', () => pages.show('/blank', '  '), 'The page is empty'],
    [
      'it shows nothing',
      'page_unreadable',
      () => pages.show('/script', '<script>1</script>'),
      'holds no text',
    ],
    ['it holds U+0000', 'page_unreadable', () => pages.show('/nul', 'a\0b', 'text/plain'), 'The page holds'],
  ])('fail for good when %s, and say why', async (_what, code, url, words) => {
    const id = await accept({ source_url: url() });
    const shown = await settled(id);
    expect(shown).toMatchObject({
      status: 'failed',
      error: { code },
      content_type: null,
      content_sha256: null,
      chunk_count: 0,
    });
    expect(shown.error.message).toContain(words);
    expect(shown.title).toBe(shown.source_url);
    expect((await service.api('GET', `/api/v1/documents/${id}/content`)).status).toBe(409);
    // One that was refused is not asked for again by itself.
    const { body } = await service.api('GET', '/api/v1/jobs?status=retrying');
    expect(body.data).toEqual([]);
  });

  it('are fetched again by a retry', async () => {
    const url = pages.url('/late');
    const id = await accept({ source_url: url });
    expect((await settled(id)).error.code).toBe('page_not_found');
    pages.show('/late', '<p>The late page speaks of puffins.</p>');
    await retry(id);
    expect(await settled(id)).toMatchObject({ status: 'ready', error: null });
    expect(await hits('puffins')).toHaveLength(1);
  });

  it('say what they said before until a retry has fetched something else, and if it fetches nothing', async () => {
    const url = pages.show('/news', '<p>The old news is of gannets.</p>');
    const id = await accept({ source_url: url });
    await settled(id);
    pages.status('/news', 410);
    await retry(id);
    expect(await settled(id)).toMatchObject({
      status: 'failed',
      error: { code: 'page_not_found' },
      chunk_count: 1,
    });
    // Not even a rebuild forgets it.
    await service.app.get(Rebuild, { strict: false }).run('documents', new AbortController().signal);
    for (const mode of ['keyword', 'vector'])
      expect((await hits('old news gannets', mode))[0]).toMatchObject({ document_id: id });
    pages.show('/news', '<p>The new news is of shearwaters.</p>');
    await retry(id);
    expect(await settled(id)).toMatchObject({ status: 'ready', error: null });
    for (const mode of ['keyword', 'vector']) {
      const own = (await hits('news gannets shearwaters', mode)).filter((hit) => hit.document_id === id);
      expect(own.map((hit) => hit.text)).toEqual(['The new news is of shearwaters.']);
    }
  });

  it('are tried again by themselves while their server is sick, which keeps no other page from being fetched', async () => {
    const url = pages.status('/sick', 503);
    const id = await accept({ source_url: url });
    const waiting = await eventually(async () => {
      const shown = await document(id);
      return shown.error?.code === 'waiting' ? shown : undefined;
    }, PATIENCE);
    expect(waiting.error.message).toMatch(/cannot show it now: \d of 3 tries/);
    expect((await settled(await accept({ source_url: pages.show('/other', PAGE) }))).status).toBe('ready');
    pages.show('/sick', PAGE);
    expect(await settled(id)).toMatchObject({ status: 'ready', error: null });
    const { body } = await service.api('GET', '/api/v1/health/readiness');
    expect(body).toMatchObject({ status: 'ready', checks: { web_pages: { status: 'up', reason: null } } });
  }, 60_000);

  it('fail in the end when their server stays sick', async () => {
    const id = await accept({ source_url: pages.status('/dead', 500) });
    const { status, error } = await settled(id);
    expect({ status, code: error.code }).toEqual({ status: 'failed', code: 'page_unavailable' });
    expect(error.message).toContain('tried 3 times');
    expect(pages.count('/dead')).toBe(3);
    // Asked for again they have as many tries again.
    pages.status('/dead', 500);
    await retry(id);
    await settled(id);
    expect(pages.count('/dead')).toBe(6);
  }, 60_000);

  it('are never fetched to be embedded: not when the index is rebuilt, nor when it has lost them', async () => {
    const url = pages.show('/once', '<p>The razorbill is fetched once.</p>');
    const id = await accept({ source_url: url });
    await settled(id);
    await service.app.get(Rebuild, { strict: false }).run('documents', new AbortController().signal);
    await service.app.get(Documents, { strict: false }).embedAgain('default', id);
    expect(await settled(id)).toMatchObject({ status: 'ready' });
    expect((await hits('razorbill', 'vector'))[0]).toMatchObject({ document_id: id });
    expect(pages.count('/once')).toBe(1);
  });

  it('take the place of a document with the same external_id, and give it up to the next', async () => {
    const id = await accept(
      aDocument({ external_id: 'place', content: 'The kittiwake was written by hand.' }),
    );
    await settled(id);
    const url = pages.show('/place', '<p>The fulmar came from the web.</p>');
    expect(await accept({ source_url: url, external_id: 'place' })).toBe(id);
    expect(await hits('kittiwake')).toEqual([]);
    expect(await settled(id)).toMatchObject({ status: 'ready', source_url: url });
    expect((await hits('fulmar')).map((hit) => hit.document_id)).toEqual([id]);
    expect(await accept(aDocument({ external_id: 'place', content: 'By hand again: the skua.' }))).toBe(id);
    expect(await settled(id)).toMatchObject({ status: 'ready', source_url: null });
    expect(await hits('fulmar')).toEqual([]);
    await retry(id);
    await settled(id);
    expect(pages.count('/place')).toBe(1);
  });

  it('are stored once however often they are sent with the same key', async () => {
    const body = { source_url: pages.show('/keyed', PAGE), title: 'Keyed' };
    const [first, second] = [
      await post(body, { 'idempotency-key': 'page-1' }),
      await post(body, { 'idempotency-key': 'page-1' }),
    ];
    expect(second.body).toEqual(first.body);
    const other = await post(
      { ...body, source_url: `${body.source_url}?b` },
      { 'idempotency-key': 'page-1' },
    );
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    await settled(first.body.id);
    expect(pages.count('/keyed')).toBe(1);
  });

  it('can be taken back while they are fetched, and deleted', async () => {
    const url = pages.on('/held', () => {});
    const cancelled = await accept({ source_url: url });
    await eventually(() => pages.count('/held') === 1, PATIENCE);
    const { body } = await service.api('GET', '/api/v1/jobs?status=running');
    const job = body.data.find(({ kind }: { kind: string }) => kind === 'fetch');
    expect((await service.api('POST', `/api/v1/jobs/${job.id}/cancel`)).status).toBe(200);
    expect(await settled(cancelled)).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
    const reply = Promise.withResolvers<void>();
    pages.on('/held', async (_request, response) => {
      await reply.promise;
      response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
    });
    await retry(cancelled);
    await eventually(() => pages.count('/held') === 2, PATIENCE);
    expect((await service.api('DELETE', `/api/v1/documents/${cancelled}`)).status).toBe(204);
    reply.resolve();
    await eventuallyHolds(async () => {
      const { data } = (await service.api('GET', '/api/v1/jobs?limit=100')).body;
      const open = data.filter(({ status }: { status: string }) => /queued|running|retrying/.test(status));
      expect(open).toEqual([]);
    }, PATIENCE);
    expect((await service.api('GET', `/api/v1/documents/${cancelled}`)).status).toBe(404);
    expect((await hits('keeper trims the wick')).map((hit) => hit.document_id)).not.toContain(cancelled);
  });

  it('lose nothing to kill -9 between the fetch and the store, and are then stored once', async () => {
    const own = await postgres.newDatabase();
    const child = () => bootChild({ ...env(), DATABASE_URL: own });
    const locked = Promise.withResolvers<void>();
    const url = pages.on('/cut-off', async (_request, response) => {
      await locked.promise;
      response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
    });
    const first = child();
    const reply = await first.api('POST', '/api/v1/documents', { source_url: url });
    expect(reply.status).toBe(202);
    const shown = async (by: ReturnType<typeof child>) =>
      (await by.api('GET', `/api/v1/documents/${reply.body.id}`)).body;
    await eventually(() => pages.count('/cut-off') === 1, PATIENCE);
    // Holds the row, so that what was fetched cannot be stored.
    const blocker = postgres.query(
      `select set_config('app.business_id', 'default', false); begin; select id from documents for update; select pg_sleep(600)`,
      own,
    );
    const ended = blocker.catch(() => 'ended');
    const blockers = `select pid from pg_stat_activity where datname = current_database() and query like '%pg_sleep(600)' and wait_event = 'PgSleep'`;
    await eventually(async () => (await postgres.query(blockers, own)).length === 1, PATIENCE);
    locked.resolve();
    await eventuallyHolds(async () => {
      const waiting = await postgres.query(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'update documents set title%'`,
        own,
      );
      expect(waiting).toHaveLength(1);
    }, PATIENCE);
    first.kill('SIGKILL');
    await first.exited;
    await postgres.query(`select pg_terminate_backend(pid) from (${blockers}) held`, own);
    expect(await ended).toBe('ended');
    const second = child();
    try {
      await eventually(async () => (await shown(second)).status === 'ready', AFTER_A_DEATH);
      expect(await shown(second)).toMatchObject({ title: 'Keeping & trimming', error: null, chunk_count: 1 });
      const found = await second.api('POST', '/api/v1/search', {
        query: 'keeper trims the wick',
        mode: 'vector',
      });
      expect(found.body.hits).toHaveLength(1);
      expect((await second.api('GET', '/api/v1/jobs?stuck=true')).body.data).toEqual([]);
    } finally {
      second.kill('SIGTERM');
      await second.exited;
    }
  }, 150_000);
});
