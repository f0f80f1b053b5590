import { Database } from '../../src/platform/database/database.js';
import { VectorStore } from '../../src/platform/vector-store/vector-store.js';
import { boot, type Booted } from '../support/boot.js';
import { aDocument, documents, ingest } from '../support/documents.js';
import { eventually } from '../support/eventually.js';

describe('Documents', () => {
  let service: Booted;
  beforeAll(async () => void (service = await boot()), 60_000);
  afterAll(() => service?.close());

  const { api } = { api: (...call: Parameters<Booted['api']>) => service.api(...call) };
  const search = async (query: string, more: object = {}) =>
    (await api('POST', '/api/v1/search', { query, ...more })).body.hits as {
      document_id: string;
      text: string;
      title: string;
    }[];
  const settled = (id: string) =>
    eventually(
      async () => {
        const { body } = await api('GET', `/api/v1/documents/${id}`);
        return body.status === 'ready' || body.status === 'failed' ? body : undefined;
      },
      { timeoutMs: 20_000 },
    );

  it('takes a document, tells where to look, and makes it ready', async () => {
    const reply = await api('POST', '/api/v1/documents', aDocument({ metadata: { year: 1890 } }));
    expect(reply.status).toBe(202);
    expect(reply.body).toEqual({
      id: expect.any(String),
      status: 'queued',
      status_url: `/api/v1/documents/${reply.body.id}`,
    });
    expect(await settled(reply.body.id)).toMatchObject({
      status: 'ready',
      title: 'Lighthouse keeping',
      content_type: 'text/markdown',
      chunk_count: expect.any(Number),
      error: null,
      metadata: { year: 1890 },
      external_id: null,
    });
  });

  it('finds a document by its words from the moment it was acknowledged', async () => {
    await api(
      'POST',
      '/api/v1/documents',
      aDocument({ title: 'Zymurgy', content: 'Zymurgy is the chemistry of fermentation.' }),
    );
    expect((await search('zymurgy'))[0]).toMatchObject({ title: 'Zymurgy' });
  });

  it('cuts each hit out of the document where it says', async () => {
    const document = aDocument({
      content: '# Wächter 🗼\n\nDer Wächter putzt die Linse 🔭 jeden Tag.\n\n## Öl\n\nÖl brennt hell.\n',
    });
    const { id } = await ingest(service.api, document);
    const { body: content } = await api('GET', `/api/v1/documents/${id}/content`);
    expect(content).toBe(document.content);
    const hits = (await api('POST', '/api/v1/search', { query: 'Wächter Linse Öl', limit: 50 })).body.hits;
    const own = hits.filter((hit: { document_id: string }) => hit.document_id === id);
    expect(own.length).toBeGreaterThan(0);
    for (const hit of own) expect(document.content.slice(hit.start, hit.end)).toBe(hit.text);
  });

  it('puts a document in the place of the one with the same external id, and never shows both', async () => {
    const first = await ingest(
      service.api,
      aDocument({ external_id: 'manual', title: 'Old', content: 'The quokka sleeps.' }),
    );
    const again = await api(
      'POST',
      '/api/v1/documents',
      aDocument({ external_id: 'manual', title: 'New', content: 'The quokka wakes.' }),
    );
    expect(again.body.id).toBe(first.id);
    // Before the index has caught up, too.
    expect((await search('quokka')).map((hit) => hit.text)).toEqual(['The quokka wakes.']);
    await settled(first.id);
    expect((await search('quokka')).map((hit) => hit.text)).toEqual(['The quokka wakes.']);
    const { body } = await api('GET', '/api/v1/documents?external_id=manual');
    expect(body.data).toHaveLength(1);
    expect(await pointsOf(first.id)).toBe(1);
  });

  it('keeps documents of the same external id apart by tenant and by collection', async () => {
    const ids = await Promise.all(
      [{}, { business_id: 'other' }, { collection: 'questions' }].map(async (where) => {
        const { body } = await api('POST', '/api/v1/documents', aDocument({ external_id: 'same', ...where }));
        return body.id;
      }),
    );
    expect(new Set(ids).size).toBe(3);
  });

  it('lets a document go: from then on nothing shows it, and the index forgets it', async () => {
    const { id } = await ingest(service.api, aDocument({ content: 'The numbat eats termites.' }));
    expect((await search('numbat')).length).toBe(1);
    expect((await api('DELETE', `/api/v1/documents/${id}`)).status).toBe(204);
    expect((await search('numbat termites')).filter((hit) => hit.document_id === id)).toEqual([]);
    expect((await api('GET', `/api/v1/documents/${id}`)).status).toBe(404);
    expect((await api('DELETE', `/api/v1/documents/${id}`)).status).toBe(404);
    await eventually(async () => (await pointsOf(id)) === 0);
  });

  it('leaves nothing behind of a document that is deleted while its job runs', async () => {
    const paragraphs = Array.from(
      { length: 400 },
      (_, i) => `Paragraph ${i} tells of wombat burrow number ${i}. ${'It is long. '.repeat(60)}`,
    );
    const { body } = await api(
      'POST',
      '/api/v1/documents',
      aDocument({ content: paragraphs.join('\n\n'), content_type: 'text/plain' }),
    );
    await eventually(
      async () => (await api('GET', `/api/v1/documents/${body.id}`)).body.status === 'processing',
      { timeoutMs: 10_000 },
    );
    expect((await api('DELETE', `/api/v1/documents/${body.id}`)).status).toBe(204);
    expect(await search('wombat burrow')).toEqual([]);
    await eventually(async () => (await openJobs()) === 0, { timeoutMs: 30_000 });
    expect(await pointsOf(body.id)).toBe(0);
  }, 60_000);

  it.each(['text/plain', 'text/markdown'])(
    'takes a line of five megabytes (%s), and answers others while it does',
    async (content_type) => {
      const content = 'The marmot whistles. '.repeat(250_000);
      const business_id = `long-${content_type.slice(5)}`;
      let slowestMs = 0;
      const done = new AbortController();
      const probing = (async () => {
        while (!done.signal.aborted) {
          const startedMs = performance.now();
          await api('GET', '/health');
          slowestMs = Math.max(slowestMs, performance.now() - startedMs);
        }
      })();
      const reply = await api('POST', '/api/v1/documents', aDocument({ content, content_type, business_id }));
      done.abort();
      await probing;
      expect(reply.status).toBe(202);
      expect(slowestMs).toBeLessThan(2_000);
      const { body } = await api('GET', `/api/v1/documents/${reply.body.id}?business_id=${business_id}`);
      expect(body.chunk_count).toBeGreaterThan(2_000);
      expect(
        (await api('DELETE', `/api/v1/documents/${reply.body.id}?business_id=${business_id}`)).status,
      ).toBe(204);
    },
    90_000,
  );

  it('lists documents newest first, a page at a time, each once', async () => {
    const tenant = 'pages';
    for (const document of documents(7))
      await api('POST', '/api/v1/documents', { ...document, business_id: tenant });
    const titles: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body }: { body: { data: { title: string }[]; next_cursor: string | null } } = await api(
        'GET',
        `/api/v1/documents?business_id=${tenant}&limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      titles.push(...body.data.map((d) => d.title));
      cursor = body.next_cursor;
    }
    expect(titles).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => `Station ${n}`));
  });

  it('shows a job to its owner, and to nobody else', async () => {
    await ingest(service.api, aDocument({ business_id: 'owner' }));
    const { body } = await eventually(async () => {
      const reply = await api('GET', '/api/v1/jobs?business_id=owner&status=completed');
      return reply.body.data.length === 1 ? reply : undefined;
    });
    const job = body.data[0];
    expect(job).toMatchObject({ kind: 'ingest', status: 'completed', attempts: 1, last_error: null });
    expect((await api('GET', `/api/v1/jobs/${job.id}?business_id=owner`)).body).toEqual(job);
    expect((await api('GET', `/api/v1/jobs/${job.id}`)).status).toBe(404);
    expect((await api('POST', `/api/v1/jobs/${job.id}/cancel?business_id=owner`)).body.code).toBe('conflict');
    expect((await api('GET', '/api/v1/jobs?business_id=owner&stuck=true')).body.data).toEqual([]);
  });

  it('fails the document of a job that is cancelled, and takes it up again when told to', async () => {
    // Many before it, so that it waits.
    await Promise.all(
      documents(20).map((d) => api('POST', '/api/v1/documents', { ...d, business_id: 'cancel' })),
    );
    const { body } = await api(
      'POST',
      '/api/v1/documents',
      aDocument({ business_id: 'cancel', title: 'Last' }),
    );
    const jobs = (await api('GET', '/api/v1/jobs?business_id=cancel&limit=1')).body.data;
    const cancelled = await api('POST', `/api/v1/jobs/${jobs[0].id}/cancel?business_id=cancel`);
    expect(cancelled.body).toMatchObject({ status: 'cancelled' });
    const document = `/api/v1/documents/${body.id}`;
    const state = async () => (await api('GET', `${document}?business_id=cancel`)).body;
    expect(await state()).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
    expect((await api('POST', `${document}/retry?business_id=cancel`)).status).toBe(202);
    await eventually(async () => (await state()).status === 'ready', { timeoutMs: 20_000 });
    expect((await api('POST', `${document}/retry?business_id=nobody`)).status).toBe(404);
  }, 60_000);

  it('refuses to retry what has not settled', async () => {
    await Promise.all(
      documents(10).map((d) => api('POST', '/api/v1/documents', { ...d, business_id: 'busy' })),
    );
    const { body } = await api('POST', '/api/v1/documents', aDocument({ business_id: 'busy' }));
    expect(await api('POST', `/api/v1/documents/${body.id}/retry?business_id=busy`)).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: expect.stringContaining('queued') },
    });
  });

  it('embeds again what the index lost', async () => {
    const { id } = await ingest(service.api, aDocument({ content: 'The bilby digs.' }));
    await service.app.get(VectorStore).remove('documents', { businessId: 'default', documentId: id });
    expect(await pointsOf(id)).toBe(0);
    expect((await api('POST', `/api/v1/documents/${id}/retry`)).status).toBe(202);
    await settled(id);
    expect(await pointsOf(id)).toBe(1);
  });

  const pointsOf = (documentId: string) =>
    service.app.get(VectorStore).count('documents', { businessId: 'default', documentId });

  async function openJobs(): Promise<number> {
    const [row] = await service.app
      .get(Database)
      .query<{ n: number }>(
        'count',
        `select count(*)::int as n from jobs.job where state in ('created', 'retry', 'active')`,
      );
    return row!.n;
  }
});
