import { connect } from 'node:net';
import { boot, type Booted } from '../support/boot.js';
import { browserMissing, openBrowser } from '../support/browser.js';
import { describeNeeding } from '../support/needs.js';

const ORIGIN = 'https://app.example.com';

describe('The headers of answers', () => {
  let service: Booted;
  beforeAll(async () => {
    service = await boot({
      CORS_ORIGINS: `${ORIGIN},http://localhost:3000`,
      TRUST_PROXY: 'loopback',
      REQUEST_HEADER_BYTES_MAX: '4096',
      REQUEST_RECEIVE_TIMEOUT_MS: '500',
    });
  }, 60_000);
  afterAll(() => service?.close());

  it.each([
    ['an answer', 'GET', '/api/v1/documents', 200],
    ['a probe', 'GET', '/health', 200],
    ['a problem', 'POST', '/api/v1/search', 422],
    ['a path that is none', 'GET', '/nowhere', 404],
    ['a path that cannot be read', 'GET', '/a/%zz', 400],
  ])('keep browsers from making anything else of it: %s', async (_, method, path, expected) => {
    const { status, headers } = await service.api(method, path, method === 'POST' ? {} : undefined);
    expect(status).toBe(expected);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'; frame-ancestors 'none'"),
    });
    expect(headers.has('x-powered-by')).toBe(false);
  });

  it('ask for TLS where it is there, by the word of a proxy that is trusted', async () => {
    const hsts = async (headers: Record<string, string>, url = service) =>
      (await url.api('GET', '/health', undefined, headers)).headers.get('strict-transport-security');
    expect(await hsts({})).toBeNull();
    expect(await hsts({ 'x-forwarded-proto': 'https' })).toContain('max-age=63072000');
    const open = await boot();
    try {
      expect(await hsts({ 'x-forwarded-proto': 'https' }, open)).toBeNull();
    } finally {
      await open.close();
    }
  });

  it('answer operators on this machine, and nobody who came through a proxy on it', async () => {
    const diagnostics = async (headers: Record<string, string>) =>
      (await service.api('GET', '/api/v1/health/diagnostics', undefined, headers)).status;
    expect(await diagnostics({})).toBe(200);
    expect(await diagnostics({ 'x-forwarded-for': '192.0.2.1' })).toBe(403);
    expect(await diagnostics({ 'x-forwarded-for': '127.0.0.1' })).toBe(403);
    expect(await diagnostics({ forwarded: 'for=192.0.2.1' })).toBe(403);
  });

  describe('for pages of other origins', () => {
    const preflight = (origin: string) =>
      service.api('OPTIONS', '/api/v1/search', undefined, {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
      });

    it('allow those of the list to call, and to read what the answer says of itself', async () => {
      for (const origin of [ORIGIN, 'http://localhost:3000']) {
        const { status, headers } = await preflight(origin);
        expect(status).toBe(204);
        expect(Object.fromEntries(headers)).toMatchObject({
          'access-control-allow-origin': origin,
          'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
          'access-control-max-age': '600',
        });
        expect(headers.get('access-control-allow-headers')).toMatch(/Authorization.*Idempotency-Key/);
        expect(headers.has('access-control-allow-credentials')).toBe(false);
        expect(headers.get('vary')).toContain('Origin');
      }
      const answered = await service.api('GET', '/api/v1/documents', undefined, { origin: ORIGIN });
      expect(answered.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      const exposed = answered.headers.get('access-control-expose-headers')!.split(', ');
      expect(exposed).toEqual(
        expect.arrayContaining([
          'X-Request-Id',
          'RateLimit',
          'RateLimit-Policy',
          'Retry-After',
          'Server-Timing',
        ]),
      );
      // A page has to be able to read a problem as well.
      const problem = await service.api('POST', '/api/v1/search', {}, { origin: ORIGIN });
      expect([problem.status, problem.headers.get('access-control-allow-origin')]).toEqual([422, ORIGIN]);
    });

    it.each([
      'https://evil.example.com',
      'https://app.example.com.evil.example',
      'http://app.example.com',
      'https://app.example.com:8443',
      'null',
    ])('allow %s nothing', async (origin) => {
      for (const { headers } of [
        await preflight(origin),
        await service.api('GET', '/health', undefined, { origin }),
      ])
        expect(headers.has('access-control-allow-origin')).toBe(false);
    });

    it('allow nobody anything without a list', async () => {
      const open = await boot();
      try {
        const { headers } = await open.api('GET', '/health', undefined, { origin: ORIGIN });
        expect(headers.has('access-control-allow-origin')).toBe(false);
      } finally {
        await open.close();
      }
    });
  });

  /** Sends bytes, and reads until the other side ends it. */
  const exchange = (bytes: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1', () => socket.write(bytes));
      let reply = '';
      socket.on('data', (chunk: Buffer) => (reply += chunk.toString()));
      socket.once('close', () => resolve(reply));
      socket.once('error', reject);
    });

  it.each([
    [
      'is too large',
      `GET /health HTTP/1.1\r\nHost: x\r\nX-Much: ${'x'.repeat(5_000)}\r\n\r\n`,
      431,
      'REQUEST_HEADER_BYTES_MAX',
    ],
    ['comes in drops', 'GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ', 408, 'REQUEST_RECEIVE_TIMEOUT_MS'],
    ['is no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 400, 'HTTP/1.1'],
  ])('tell, in the same words as ever, whose head %s', async (_, bytes, status, words) => {
    const reply = await exchange(bytes);
    const [head, body] = reply.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain('application/problem+json');
    expect(JSON.parse(body!)).toMatchObject({
      status,
      code: 'malformed_request',
      detail: expect.stringContaining(words),
      request_id: expect.any(String),
    });
  });

  it('end a connection whose body does not come', async () => {
    const reply = await exchange(
      'POST /api/v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    expect(reply).toMatch(/^HTTP\/1.1 408 /);
  });
});

describeNeeding(browserMissing, 'The page of the API in a browser', () => {
  it('shows every route under the policy that keeps it to itself', async () => {
    const [service, browser] = await Promise.all([boot(), openBrowser()]);
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      const response = await page.goto(`${service.url}/api/docs`);
      expect(response!.headers()['content-security-policy']).toContain("script-src 'self';");
      await page.locator('.opblock-summary-path').first().waitFor();
      const paths = await page.locator('.opblock-summary-path').allInnerTexts();
      expect(paths.map((path) => path.replaceAll('\u200b', ''))).toEqual(
        expect.arrayContaining(['/api/v1/search', '/api/v1/keys', '/api/v1/auth/token']),
      );
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      await service.close();
    }
  }, 60_000);
});
