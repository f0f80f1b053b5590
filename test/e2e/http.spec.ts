import { boot, type Booted } from '../support/boot.js';
import { aDocument, ingest } from '../support/documents.js';

describe('HTTP', () => {
  let service: Booted;
  beforeAll(
    async () => void (service = await boot({ DOCUMENT_BYTES_MAX: '200000', REQUEST_BYTES_MAX: '20000' })),
    60_000,
  );
  afterAll(() => service?.close());

  const post = (path: string, body: unknown, headers?: Record<string, string>) =>
    service.api('POST', path, body, headers);
  const json = { 'content-type': 'application/json' };

  it('answers every error as a problem document, with the id of the request', async () => {
    const reply = await service.api('GET', '/api/v1/nothing', undefined, { 'x-request-id': 'my-request.1' });
    expect(reply.status).toBe(404);
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
    expect(reply.headers.get('x-request-id')).toBe('my-request.1');
    expect(reply.body).toMatchObject({
      code: 'not_found',
      status: 404,
      request_id: 'my-request.1',
      title: expect.any(String),
    });
  });

  it.each([
    ['/a/%zz', 'malformed_request'],
    [`/api/v1/documents/${'x'.repeat(300)}`, 'not_found'],
  ])('answers so before there is a route, too: %s', async (path, code) => {
    const reply = await service.api('GET', path);
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
    expect(reply.body).toMatchObject({ code, request_id: reply.headers.get('x-request-id') });
  });

  it('makes an id for a request whose own would not do', async () => {
    const reply = await service.api('GET', '/health', undefined, { 'x-request-id': 'no good "id"' });
    expect(reply.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['malformed JSON', '{"query":', json, 400, 'malformed_request'],
    ['no body', '', json, 400, 'malformed_request'],
    [
      'a body of another type',
      'query=x',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported_media_type',
    ],
    [
      'a body that is too large',
      JSON.stringify({ query: 'x'.repeat(30_000) }),
      json,
      413,
      'payload_too_large',
    ],
    ['a prototype in disguise', '{"query":"x","__proto__":{"a":1}}', json, 400, 'malformed_request'],
  ])('refuses %s', async (_, body, headers, status, code) => {
    const reply = await post('/api/v1/search', body, headers);
    expect(reply.status).toBe(status);
    expect(reply.body.code).toBe(code);
  });

  it.each([
    [{}, ['query']],
    [{ query: 5 }, ['query']],
    [{ query: '   ' }, ['query']],
    [{ query: 'a\u0000b' }, ['query']],
    [{ query: 'half \ud800' }, ['query']],
    [{ query: 'x', limit: 0 }, ['limit']],
    [{ query: 'x', limit: '5' }, ['limit']],
    [{ query: 'x', limit: 1e9, mode: 'psychic' }, ['limit', 'mode']],
    [{ query: 'x', filter: { a: null } }, ['filter.a']],
    [{ query: 'x', filter: { a: {} } }, ['filter.a']],
    [{ query: 'x', filter: { a: [] } }, ['filter.a']],
    [{ query: 'x', collection: 'nowhere' }, ['collection']],
    [{ query: 'x', collection: "documents'; drop table documents; --" }, ['collection']],
    [{ query: 'x', business_id: "a' or '1'='1" }, ['business_id']],
  ])('names every field that is wrong: %j', async (body, paths) => {
    const reply = await post('/api/v1/search', body);
    expect(reply.status).toBe(422);
    expect(reply.body.code).toBe('validation_failed');
    expect(reply.body.errors.map((e: { path: string }) => e.path)).toEqual(paths);
  });

  it('refuses fields that it does not know, in body, query and path', async () => {
    const unknown = expect.arrayContaining([
      expect.objectContaining({ message: expect.stringContaining('colour') }),
    ]);
    expect((await post('/api/v1/search', { query: 'x', colour: 1 })).body.errors).toEqual(unknown);
    expect((await post('/api/v1/search?colour=1', { query: 'x' })).body.errors).toEqual(unknown);
    expect((await post('/api/v1/documents', aDocument({ colour: 1 } as never))).body.errors).toEqual(unknown);
    expect((await service.api('GET', '/api/v1/documents?colour=1')).body.errors).toEqual(unknown);
    expect((await service.api('GET', '/api/v1/documents/1;drop')).body.errors[0].path).toBe('id');
  });

  it.each([
    ['limit=x', 'limit'],
    ['limit=0', 'limit'],
    ['cursor=nonsense', 'cursor'],
    ['status=lost', 'status'],
  ])('refuses ?%s', async (query, path) => {
    expect((await service.api('GET', `/api/v1/documents?${query}`)).body.errors[0].path).toBe(path);
  });

  it.each([
    ['empty', { content: '' }],
    ['blank', { content: ' \n\t ' }],
    ['with U+0000', { content: 'a\u0000b' }],
    ['with half a surrogate pair', { content: 'half \udc00' }],
    ['of scripts alone', { content: '<script>alert(1)</script>', content_type: 'text/html' }],
  ])('refuses a document %s, and says why', async (_, document) => {
    const reply = await post('/api/v1/documents', aDocument(document));
    expect(reply.status).toBe(422);
    expect(reply.body.errors).toEqual([{ path: 'content', message: expect.any(String) }]);
  });

  it.each([
    [{ title: undefined }, 'title'],
    [{ title: '' }, 'title'],
    [{ title: 'x\u0000' }, 'title'],
    [{ content: 7 }, 'content'],
    [{ content_type: 'application/pdf' }, 'content_type'],
    [{ metadata: [] }, 'metadata'],
    [{ metadata: { a: 'x\u0000' } }, 'metadata.a'],
    [{ metadata: { a: [{ b: 'x\ud800' }] } }, 'metadata.a.0.b'],
    [{ collection: 'nowhere' }, 'collection'],
    [{ external_id: '' }, 'external_id'],
  ])('refuses a document with %j', async (fields, path) => {
    const reply = await post('/api/v1/documents', { ...aDocument(), ...fields });
    expect(reply.status).toBe(422);
    expect(reply.body.errors[0].path).toBe(path);
  });

  it('refuses a document over the limit by its size in bytes, and names the setting', async () => {
    const reply = await post('/api/v1/documents', aDocument({ content: 'ä'.repeat(100_001) }));
    expect(reply.status).toBe(413);
    expect(reply.body.detail).toContain('DOCUMENT_BYTES_MAX');
    // Far over it, it is refused before it has been read.
    expect(
      (await post('/api/v1/documents', aDocument({ content: 'x'.repeat(2_000_000) })).catch(hungUp)).status,
    ).toBe(413);
  });

  const nested = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;

  it('refuses metadata that is nested too deep, and names it', async () => {
    const body = `{"title":"t","content":"x","metadata":{"deep":${nested(21)}}}`;
    const reply = await post('/api/v1/documents', body, json);
    expect(reply.status).toBe(422);
    expect(reply.body.errors[0]).toEqual({
      path: 'metadata.deep',
      message: expect.stringContaining('20 levels'),
    });
  });

  it.each([33, 9_000])(
    'refuses a body of %d levels, whatever it is for, and names the limit',
    async (levels) => {
      const body = `{"deep":${nested(levels - 1)}}`;
      for (const path of ['/api/v1/search', '/api/v1/answers', '/api/v1/documents']) {
        expect(await post(path, body, json)).toMatchObject({
          status: 422,
          body: {
            code: 'validation_failed',
            errors: [{ path: '', message: expect.stringContaining('32 levels') }],
          },
        });
      }
    },
  );

  it('looks at the fields of a body that is just as deep as it may be', async () => {
    const { body } = await post('/api/v1/search', `{"query":"x","colour":${nested(31)}}`, json);
    expect(body.errors).toEqual([{ path: '', message: expect.stringContaining('colour') }]);
  });

  it('refuses metadata of millions of values without stopping for them', async () => {
    const body = `{"title":"t","content":"x","metadata":{"a":[${'1,'.repeat(150_000)}1]}}`;
    const reply = await post('/api/v1/documents', body, json);
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ path: 'metadata' }] } });
  });

  it('keeps the keys that JavaScript has a use for, and filters by them', async () => {
    const metadata = { constructor: 1, prototype: { constructor: 2 } };
    const { id } = await ingest(service.api, aDocument({ content: 'The okapi hides.', metadata }));
    expect((await service.api('GET', `/api/v1/documents/${id}`)).body.metadata).toEqual(metadata);
    const hits = async (filter: object) =>
      (await post('/api/v1/search', { query: 'okapi', mode: 'keyword', filter })).body.hits.length;
    expect(await hits({ constructor: 1 })).toBe(1);
    expect(await hits({ constructor: 3 })).toBe(0);
  });

  it('refuses a form that is cut off or has no boundary', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const cut = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\nabc';
    expect(await post('/api/v1/documents', cut, headers)).toMatchObject({
      status: 400,
      body: { code: 'malformed_request' },
    });
    const none = { 'content-type': 'multipart/form-data' };
    expect((await post('/api/v1/documents', 'abc', none)).status).toBe(400);
    expect((await service.api('GET', '/api/v1/documents?collection=%00')).status).toBe(422);
  });

  it('refuses fifty megabytes before it has read them', async () => {
    const startedMs = performance.now();
    const large = aDocument({ content: 'x'.repeat(50_000_000) });
    expect((await post('/api/v1/documents', large).catch(hungUp)).status).toBe(413);
    expect((await service.api('GET', '/health')).status).toBe(200);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it('keeps every character of Unicode as it was sent', async () => {
    const content = 'Emoji 👩‍👩‍👧‍👦🇨🇭, עברית مرحبا, 漢字 𠮷, combining e\u0301, \u202eoverride\u202c, tab\tend 🏁';
    const { id } = await ingest(
      service.api,
      aDocument({ title: '🗼 مرحبا', content, content_type: 'text/plain', metadata: { '🔑': ['𝄞'] } }),
    );
    expect((await service.api('GET', `/api/v1/documents/${id}/content`)).body).toBe(content);
    expect((await service.api('GET', `/api/v1/documents/${id}`)).body).toMatchObject({
      title: '🗼 مرحبا',
      metadata: { '🔑': ['𝄞'] },
    });
    const { hits } = (await post('/api/v1/search', { query: 'مرحبا' })).body;
    expect(hits[0].text).toBe(content);
  });

  it('shows the text of HTML and none of its scripts', async () => {
    const content =
      '<html><head><title>x</title><style>p{}</style></head><body><h1>Walrus</h1><script>alert("evil")</script><p onclick="evil()">Walruses <b>whistle</b>.</p></body></html>';
    const { id } = await ingest(service.api, aDocument({ content, content_type: 'text/html' }));
    const { body } = await service.api('GET', `/api/v1/documents/${id}/content`);
    expect(body).toContain('Walruses whistle.');
    expect(body).not.toMatch(/evil|<p|\{\}/);
    const { hits } = (await post('/api/v1/search', { query: 'walruses whistle' })).body;
    expect(body.slice(hits[0].start, hits[0].end)).toBe(hits[0].text);
  });

  it.each([
    "'; drop table documents; --",
    '{{7*7}} ${7*7}',
    '$1 $$ \\',
    "%_' | & ! ( ) : * <->",
    '\u202e\u0301',
  ])('takes %j for what it is: text', async (text) => {
    const metadata = { [text]: text };
    const { id } = await ingest(
      service.api,
      aDocument({
        title: `t ${text}`,
        content: `c ${text}`,
        external_id: `e ${text}`,
        metadata,
        content_type: 'text/plain',
      }),
    );
    expect((await service.api('GET', `/api/v1/documents/${id}`)).body).toMatchObject({
      title: `t ${text}`,
      external_id: `e ${text}`,
      metadata,
    });
    for (const mode of ['hybrid', 'vector', 'keyword']) {
      expect((await post('/api/v1/search', { query: text, mode, filter: metadata })).status).toBe(200);
    }
    expect((await post('/api/v1/answers', { question: text })).status).toBe(200);
    expect(
      (await service.api('GET', `/api/v1/documents?external_id=${encodeURIComponent(`e ${text}`)}`)).body
        .data,
    ).toHaveLength(1);
  });

  it('takes a file in a form', async () => {
    const form = new FormData();
    form.set('file', new Blob(['# Heron\n\nThe heron stands still.'], { type: 'text/markdown' }), 'heron.md');
    form.set('metadata', '{"kind":"bird"}');
    const reply = await post('/api/v1/documents', form);
    expect(reply.status).toBe(202);
    expect((await service.api('GET', `/api/v1/documents/${reply.body.id}`)).body).toMatchObject({
      title: 'heron.md',
      content_type: 'text/markdown',
      metadata: { kind: 'bird' },
    });
  });

  it.each<[string, (form: FormData) => void, number, string]>([
    ['no file', () => {}, 422, 'file'],
    ['a file in another field', (f) => f.set('upload', new Blob(['x']), 'x.txt'), 422, 'upload'],
    ['an unknown field', (f) => (f.set('colour', 'red'), f.set('file', new Blob(['x']), 'x.txt')), 422, ''],
    [
      'metadata that is no JSON',
      (f) => (f.set('metadata', '{'), f.set('file', new Blob(['x']), 'x.txt')),
      422,
      'metadata',
    ],
    [
      'binary bytes with a text type',
      (f) =>
        f.set(
          'file',
          new Blob([new Uint8Array([0x89, 0x50, 0xff, 0xfe, 0x00])], { type: 'text/plain' }),
          'x.txt',
        ),
      415,
      'file',
    ],
    ['an empty file', (f) => f.set('file', new Blob([]), 'x.txt'), 422, 'content'],
  ])('refuses a form with %s', async (_, fill, status, path) => {
    const form = new FormData();
    fill(form);
    const reply = await post('/api/v1/documents', form);
    expect(reply.status).toBe(status);
    expect(reply.body.errors[0].path).toBe(path);
  });

  it('refuses a file of a type that it cannot read, and one that is too large', async () => {
    const pdf = new FormData();
    pdf.set('file', new Blob(['%PDF'], { type: 'application/pdf' }), 'x.pdf');
    expect((await post('/api/v1/documents', pdf)).body.code).toBe('unsupported_media_type');
    const large = new FormData();
    large.set('file', new Blob(['x'.repeat(300_000)], { type: 'text/plain' }), 'x.txt');
    expect((await post('/api/v1/documents', large)).body).toMatchObject({
      code: 'payload_too_large',
      detail: expect.stringContaining('DOCUMENT_BYTES_MAX'),
    });
  });

  it('takes a file in UTF-16 that says so', async () => {
    const form = new FormData();
    form.set(
      'file',
      new Blob([new Uint8Array([0xff, 0xfe]), Buffer.from('The egret wades.', 'utf16le')]),
      'x.txt',
    );
    const reply = await post('/api/v1/documents', form);
    expect((await service.api('GET', `/api/v1/documents/${reply.body.id}/content`)).body).toBe(
      'The egret wades.',
    );
  });

  it('answers within the time that the client allows', async () => {
    const reply = await post('/api/v1/search', { query: 'x' }, { ...json, 'x-request-timeout-ms': '1' });
    expect(reply).toMatchObject({ status: 504, body: { code: 'deadline_exceeded' } });
    const wrong = await post('/api/v1/search', { query: 'x' }, { ...json, 'x-request-timeout-ms': 'soon' });
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ path: 'X-Request-Timeout-Ms' }] } });
  });

  it('describes its API, and shows a page of it', async () => {
    const { body } = await service.api('GET', '/api/openapi.json');
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(['/api/v1/documents', '/api/v1/search', '/api/v1/answers']),
    );
    expect(body.components.schemas).toHaveProperty('NewDocument');
    expect((await service.api('GET', '/api/docs')).body).toContain('swagger');
  });

  it('has health at /health and details at /health/, which are two things', async () => {
    expect((await service.api('GET', '/health')).body).toMatchObject({ status: 'ok', service: 'mainstay' });
    expect((await service.api('GET', '/health/')).body).toHaveProperty('dependencies.database');
    for (const path of ['/health/live', '/api/v1/health/liveness'])
      expect((await service.api('GET', path)).body.status).toBe('ok');
    for (const path of ['/health/ready', '/api/v1/health/readiness']) {
      expect((await service.api('GET', path)).body).toMatchObject({ status: 'ready', overall_healthy: true });
    }
    expect((await service.api('GET', '/api/v1/health/startup')).status).toBe(200);
  });
});

/** A server that refuses a body need not read it to its end: the client may be told, or cut off while it still sends. */
function hungUp(error: unknown): { status: number } {
  const { code } = (error as { cause?: { code?: string } }).cause ?? {};
  if (code !== 'ECONNRESET' && code !== 'EPIPE' && code !== 'UND_ERR_SOCKET') throw error;
  return { status: 413 };
}
