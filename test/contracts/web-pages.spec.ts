import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setDefaultAutoSelectFamily } from 'node:net';
import tls from 'node:tls';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { request } from 'undici';
import { CallerGone } from '../../src/kernel/deadline.js';
import { type HttpOptions, HttpWebPages } from '../../src/platform/web-pages/http.web-pages.js';
import { pinnedAgent } from '../../src/platform/web-pages/pinned.agent.js';
import { PageFault } from '../../src/platform/web-pages/web-pages.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/folder.js';
import { PageServer } from '../support/page.server.js';
import { PAGE_BYTES_MAX, pagesOf } from '../support/pages.js';
import { freePort } from '../support/ports.js';

const HTML = { 'content-type': 'text/html' };

let server: PageServer;
beforeAll(async () => void (server = await PageServer.start()));
afterAll(() => server.stop());

const newPages = (more: Partial<HttpOptions> = {}, named?: string[]) => pagesOf(server, more, named);

const fault = (pages: HttpWebPages, url: string) =>
  pages.fetch(url).then(
    () => Promise.reject(new Error(`${url} was fetched`)),
    (error: unknown) => {
      if (error instanceof PageFault) return error;
      throw error;
    },
  );

describe('HttpWebPages', () => {
  it('fetches a page with nothing but its text and its type', async () => {
    const url = server.show('/page', '<h1>Lamps</h1>é', 'text/html; charset=utf-8', { 'set-cookie': 'a=b' });
    expect(await newPages().fetch(`${url}#part`)).toEqual({
      finalUrl: `${url}#part`,
      contentType: 'text/html',
      text: '<h1>Lamps</h1>é',
    });
    const { headers } = server.asked.at(-1)!;
    expect(Object.keys(headers).toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'host',
      'user-agent',
    ]);
  });

  it.each([
    ['gzip', gzipSync('packed')],
    ['x-gzip', gzipSync('packed')],
    ['br', brotliCompressSync('packed')],
    ['identity', Buffer.from('packed')],
  ])('undoes %s', async (encoding, body) => {
    const url = server.show('/packed', body, 'text/plain', { 'content-encoding': encoding });
    expect((await newPages().fetch(url)).text).toBe('packed');
  });

  it('follows redirects of every kind, relative ones too, and says where it arrived', async () => {
    const end = server.show('/end', 'here', 'text/markdown');
    server.redirect('/4', end, 308);
    server.redirect('/3', '//127.0.0.1:' + server.port + '/4', 307);
    server.redirect('/2', '3', 303);
    server.redirect('/1', '/2', 301);
    expect(await newPages().fetch(server.redirect('/0', '/1'))).toEqual({
      finalUrl: end,
      contentType: 'text/markdown',
      text: 'here',
    });
  });

  it.each<[what: string, code: string, url: () => string]>([
    ['there is nothing', 'page_not_found', () => server.url('/nothing')],
    ['there is nothing any more', 'page_not_found', () => server.status('/gone', 410)],
    ['it wants credentials', 'page_forbidden', () => server.status('/secret', 401)],
    ['it is forbidden', 'page_forbidden', () => server.status('/forbidden', 403)],
    ['it is something else', 'page_refused', () => server.status('/teapot', 418)],
    ['it has no content', 'page_refused', () => server.status('/empty', 204)],
    ['it sends on to nowhere', 'page_refused', () => server.status('/lost', 302)],
    ['it is a PDF', 'page_type', () => server.show('/pdf', '%PDF', 'application/pdf')],
    ['it does not say what it is', 'page_type', () => server.on('/what', (_q, r) => void r.end('x'))],
    [
      'it is not in the charset that it says',
      'page_unreadable',
      () => server.show('/k', 'x', 'text/plain; charset=klingon'),
    ],
    [
      'it is packed in a way that nobody asked for',
      'page_unreadable',
      () => server.show('/zstd', 'x', 'text/plain', { 'content-encoding': 'zstd' }),
    ],
    [
      'it is packed twice',
      'page_unreadable',
      () =>
        server.show('/twice', gzipSync(gzipSync('x')), 'text/plain', { 'content-encoding': 'gzip, gzip' }),
    ],
    [
      'it is not packed at all',
      'page_unreadable',
      () => server.show('/plain', 'not packed', 'text/plain', { 'content-encoding': 'gzip' }),
    ],
    ['it sends round in a circle', 'page_redirects', () => server.redirect('/circle', '/circle')],
    ['it sends on to a file', 'address_refused', () => server.redirect('/file', 'file:///etc/passwd')],
    ['it fails', 'page_unavailable', () => server.status('/500', 500)],
    ['it has too much to do', 'page_unavailable', () => server.status('/429', 429)],
    ['it is away', 'page_unavailable', () => server.status('/503', 503)],
    [
      'it breaks off in the middle',
      'page_unavailable',
      () =>
        server.on('/cut', (_request, response) => {
          response.writeHead(200, { ...HTML, 'content-length': 1_000 });
          response.write('<p>half', () => response.destroy());
        }),
    ],
    [
      'it breaks off between two pieces',
      'page_unavailable',
      () =>
        server.on('/cut-chunk', (_request, response) => {
          response.writeHead(200, HTML);
          response.write('<p>half', () => response.destroy());
        }),
    ],
    [
      'what it packed breaks off',
      'page_unavailable',
      () =>
        server.show('/cut-gzip', gzipSync('x'.repeat(1_000)).subarray(0, 20), 'text/plain', {
          'content-encoding': 'gzip',
        }),
    ],
    [
      'it closes without a word',
      'page_unavailable',
      () => server.on('/close', (_request, response) => void response.destroy()),
    ],
    [
      'it says something that is no HTTP',
      'page_unreadable',
      () => server.on('/noise', (request) => void request.socket.end('220 mail ready\r\n')),
    ],
    [
      'its headers have no end',
      'page_unreadable',
      () =>
        server.on('/headers', (request) => {
          const { socket } = request;
          socket.on('error', () => {});
          socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`);
        }),
    ],
    [
      'it says that it is too large',
      'page_too_large',
      () =>
        server.show('/large', 'x'.repeat(PAGE_BYTES_MAX + 1), 'text/plain', {
          'content-length': String(PAGE_BYTES_MAX + 1),
        }),
    ],
    [
      'it is too large without saying so',
      'page_too_large',
      () =>
        server.on('/endless', async (_request, response) => {
          response.on('error', () => {});
          response.writeHead(200, HTML);
          while (!response.destroyed) {
            response.write('x'.repeat(65_536));
            await new Promise((resolve) => setImmediate(resolve));
          }
        }),
    ],
    [
      'it unpacks to gigabytes',
      'page_too_large',
      () =>
        server.show('/bomb', gzipSync(Buffer.alloc(256 * PAGE_BYTES_MAX)), 'text/plain', {
          'content-encoding': 'gzip',
        }),
    ],
    [
      'it unpacks to gigabytes as Brotli',
      'page_too_large',
      () =>
        server.show('/bomb-br', brotliCompressSync(Buffer.alloc(64 * PAGE_BYTES_MAX)), 'text/plain', {
          'content-encoding': 'br',
        }),
    ],
    [
      'it is packed and never unpacks to anything',
      'page_too_large',
      () =>
        server.show(
          '/hollow',
          Buffer.concat(Array.from({ length: 60_000 }, () => gzipSync(''))),
          'text/plain',
          {
            'content-encoding': 'gzip',
          },
        ),
    ],
    [
      'it is too large as UTF-8',
      'page_too_large',
      () => server.show('/latin', Buffer.alloc(PAGE_BYTES_MAX, 0xe9), 'text/plain; charset=latin1'),
    ],
  ])('tells that %s (%s)', async (_what, code, url) => {
    const error = await fault(newPages(), url());
    expect(error.code).toBe(code);
    expect(error.transient).toBe(code === 'page_unavailable');
    // What a server said is nobody's business: it may be one that is not for everybody.
    expect(error.message).not.toMatch(/canary|127\.0\.0\.1|HPE|ECONN|UND_/);
  });

  it('ends what is sent for ever in the end, a byte at a time', async () => {
    const url = server.on('/loris', async (_request, response) => {
      response.writeHead(200, HTML);
      while (!response.destroyed) {
        response.write('x');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    expect((await fault(newPages({ timeoutMs: 600 }), url)).code).toBe('page_unavailable');
    await eventually(() => server.asked.at(-1)!.abandoned);
  });

  it.each<[what: string, limits: Partial<HttpOptions>, say: boolean]>([
    ['nothing', { silenceMs: 300 }, false],
    ['something, and nothing more', { silenceMs: 300 }, true],
    ['nothing in all of its time', { timeoutMs: 300 }, false],
  ])('leaves a server that says %s', async (_what, limits, say) => {
    const url = server.on('/hang', (_request, response) => {
      if (say) response.writeHead(200, HTML).write('<p>');
    });
    expect((await fault(newPages(limits), url)).code).toBe('page_unavailable');
    await eventually(() => server.asked.at(-1)!.abandoned);
  });

  it('tells that nobody listens', async () => {
    const port = await freePort();
    const pages = newPages({}, [`127.0.0.1:${port}`]);
    expect((await fault(pages, `http://127.0.0.1:${port}/`)).code).toBe('page_unavailable');
  });

  it('stops when nobody waits any more, and says why', async () => {
    const url = server.on('/stop', () => {});
    const controller = new AbortController();
    const page = newPages().fetch(url, controller.signal);
    await eventually(() => server.count('/stop') === 1);
    const reason = new CallerGone();
    controller.abort(reason);
    await expect(page).rejects.toBe(reason);
    await eventually(() => server.asked.at(-1)!.abandoned);
  });

  it('asks nobody when it is stopped before it begins', async () => {
    const url = server.on('/never', () => {});
    await expect(newPages().fetch(url, AbortSignal.abort(new CallerGone()))).rejects.toBeInstanceOf(
      CallerGone,
    );
    expect(server.count('/never')).toBe(0);
  });
});

describe('What must not be fetched', () => {
  const refusal = async (pages: HttpWebPages, url: string) => {
    const { code, message } = await fault(pages, url);
    return { code, message };
  };

  it('is refused in the same words, whatever it is, and nobody is asked', async () => {
    server.show('/inside', 'internal');
    const before = server.asked.length;
    const answers: Record<string, string[]> = {
      'nowhere.example': [],
      'loopback.example': ['127.0.0.1'],
      'mapped.example': ['::ffff:127.0.0.1'],
      'metadata.example': ['169.254.169.254'],
      'private.example': ['10.0.0.1'],
      // One that is public and one that is not: whichever the connection would take.
      'both.example': ['93.184.215.14', '127.0.0.1'],
    };
    const pages = newPages({ lookUp: async (name) => answers[name]! }, []);
    const found = await Promise.all([
      ...Object.keys(answers).map((name) => refusal(pages, server.url('/inside', name))),
      refusal(pages, server.url('/inside')),
      refusal(pages, server.url('/inside', '[::1]')),
      refusal(pages, server.url('/inside', 'localhost')),
    ]);
    expect(found).toHaveLength(9);
    expect(new Set(found.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(found[0]?.code).toBe('address_refused');
    expect(server.asked).toHaveLength(before);
  });

  it('is not reached by a redirect either', async () => {
    const inside = await PageServer.start();
    try {
      inside.show('/secret', 'internal');
      const pages = newPages();
      for (const [i, target] of [
        inside.url('/secret'),
        inside.url('/secret', 'name.example'),
        inside.url('/secret', '2130706433'),
        'http://169.254.169.254/latest/meta-data/',
        'http://[::ffff:a9fe:a9fe]/',
        `http://user:pass@127.0.0.1:${server.port}/end`,
      ].entries())
        expect((await fault(pages, server.redirect(`/to-${i}`, target))).code).toBe('address_refused');
      expect(inside.asked).toEqual([]);
    } finally {
      await inside.stop();
    }
  });

  /** A name that stands for something else each time that it is looked up. */
  const rebinding = (...answers: string[][]) => {
    let asked = 0;
    const pages = newPages({ lookUp: async () => answers[asked++]! }, [`rebinding.example:${server.port}`]);
    return { pages, asked: () => asked };
  };

  it('is not reached by a name that is looked up once more: the connection goes where the check looked', async () => {
    const { pages, asked } = rebinding(['127.0.0.1'], ['169.254.169.254']);
    server.show('/bound', 'bound');
    expect((await pages.fetch(server.url('/bound', 'rebinding.example'))).text).toBe('bound');
    expect(asked()).toBe(1);
  });

  it.each([
    ['something else', ['169.254.169.254']],
    ['something else as well', ['127.0.0.1', '169.254.169.254']],
    ['nothing', []],
  ])('is not reached by a redirect to the same name, which stands for %s by then', async (_what, then) => {
    const { pages, asked } = rebinding(['127.0.0.1'], then);
    server.show('/bound', 'bound');
    server.redirect('/again', '/bound');
    const before = server.count('/bound');
    expect((await fault(pages, server.url('/again', 'rebinding.example'))).code).toBe('address_refused');
    expect(asked()).toBe(2);
    expect(server.count('/bound')).toBe(before);
  });

  it('is pinned as well where a connection takes one address at a time', async () => {
    setDefaultAutoSelectFamily(false);
    try {
      const { pages } = rebinding(['127.0.0.1'], ['169.254.169.254']);
      server.show('/single', 'single');
      expect((await pages.fetch(server.url('/single', 'rebinding.example'))).text).toBe('single');
    } finally {
      setDefaultAutoSelectFamily(true);
    }
  });

  it('is not connected to, even if a library read the host in another way than the check did', async () => {
    server.show('/other', 'other');
    const before = server.count('/other');
    const agent = pinnedAgent(['127.0.0.2'], { connectMs: 5_000, silenceMs: 5_000 });
    try {
      await expect(request(server.url('/other'), { dispatcher: agent })).rejects.toThrow('another address');
    } finally {
      await agent.destroy();
    }
    expect(server.count('/other')).toBe(before);
  });
});

describe('Pages over TLS', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let secure: PageServer;
  let cert: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
    const [key, certificate] = ['key.pem', 'cert.pem'].map((name) => join(folder.path, name)) as [
      string,
      string,
    ];
    execFileSync(
      'openssl',
      `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pages.example -addext subjectAltName=DNS:pages.example -keyout ${key} -out ${certificate}`.split(
        ' ',
      ),
      { stdio: 'ignore' },
    );
    cert = readFileSync(certificate, 'utf8');
    secure = await PageServer.start({ key: readFileSync(key, 'utf8'), cert });
  });
  afterAll(async () => {
    await secure?.stop();
    await folder?.remove();
  });
  const pages = () =>
    newPages({}, [server.host, `pages.example:${secure.port}`, `other.example:${secure.port}`]);

  it('are refused where nobody trusts the certificate', async () => {
    const error = await fault(pages(), secure.url('/page', 'pages.example'));
    expect(error).toMatchObject({ code: 'page_certificate', transient: false });
    expect(secure.asked).toEqual([]);
  });

  it('are fetched by their name from the address that was checked, and never sent on without TLS', async () => {
    const trusted = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...trusted, cert]);
    try {
      secure.show('/page', 'secure', 'text/plain');
      expect((await pages().fetch(secure.url('/page', 'pages.example'))).text).toBe('secure');
      expect((await fault(pages(), secure.url('/page', 'other.example'))).code).toBe('page_certificate');
      secure.redirect('/down', server.show('/open', 'open', 'text/plain'));
      expect((await fault(pages(), secure.url('/down', 'pages.example'))).code).toBe('page_redirects');
      expect(server.count('/open')).toBe(0);
      // The other way round is what most do.
      const up = server.redirect('/up', secure.url('/page', 'pages.example'));
      expect((await pages().fetch(up)).text).toBe('secure');
    } finally {
      tls.setDefaultCACertificates(trusted);
    }
  });
});
