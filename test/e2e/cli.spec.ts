import { createServer, type IncomingMessage, type Server } from 'node:http';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { Summary } from '../../src/cli/ingest.summary.js';
import { bootChild, type Child } from '../support/boot.js';
import { startCli } from '../support/cli.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';

const TIMEOUT_MS = 120_000;

const KEEPING = `# Lighthouse keeping

The keeper trims the wick every four hours. The lamp burns colza oil.
`;
const FOG = `# Fog signals

In fog the keeper sounds the horn twice a minute.
`;

describe('The command line', () => {
  let folder: TemporaryFolder;
  let env: Record<string, string>;
  const docs = () => join(folder.path, 'docs');

  beforeEach(async () => {
    folder = await temporaryFolder();
    env = { DATA_DIR: join(folder.path, 'data') };
  });
  afterEach(() => folder.remove());

  const start = (...args: string[]) => startCli('main', args, folder.path, env);
  const run = (...args: string[]) => start(...args).ended;

  /** Runs with --json. What standard output holds is one JSON value and nothing else, or this throws. */
  async function json(...args: string[]): Promise<{ code: number; body: unknown; stderr: string }> {
    const { code, stdout, stderr } = await run(...args, '--json');
    return { code, body: JSON.parse(stdout) as unknown, stderr };
  }

  async function ingest(...args: string[]): Promise<{ code: number; body: Summary; stderr: string }> {
    const { body, ...ended } = await json('ingest', ...args);
    return { ...ended, body: body as Summary };
  }

  async function write(files: Record<string, string | Buffer>): Promise<void> {
    for (const [file, content] of Object.entries(files)) {
      const path = join(docs(), file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }

  const outcomes = (body: Summary) =>
    Object.fromEntries(body.documents.map(({ file, outcome }) => [file, outcome]));

  describe('ingest', () => {
    it(
      'takes the good files, names the bad ones with the reason, and the next time sends only what changed',
      async () => {
        await write({
          'keeping.md': KEEPING,
          'deep/down/fog.txt': FOG,
          'page.html': '<title>Buoys &amp; beacons</title><p>A buoy is painted red.</p>',
          'latin1.txt': Buffer.from([0x63, 0x61, 0x66, 0xe9]),
          'empty.md': ' \n',
          'binary.txt': Buffer.from([0x61, 0, 0x62]),
          'large.md': 'x'.repeat(3_000),
          '.hidden/secret.md': '# Secret',
          'node_modules/x/readme.md': '# Not ours',
          'photo.png': Buffer.from([0x89]),
        });
        env['DOCUMENT_BYTES_MAX'] = '2000';

        const first = await run('ingest', 'docs');
        expect(first.code).toBe(1);
        expect(first.stdout).toMatch(/3 taken\n\s+4 not taken:/);
        expect(first.stdout).toMatch(/latin1\.txt: .*UTF-8/);
        expect(first.stdout).toMatch(/empty\.md: .*is empty/);
        expect(first.stdout).toMatch(/binary\.txt: .*U\+0000/);
        expect(first.stdout).toMatch(/large\.md: .*3000 bytes.*2000.*DOCUMENT_BYTES_MAX/);
        expect(first.stdout).not.toMatch(/hidden|node_modules|photo/);

        await rm(join(docs(), 'empty.md'));
        await rm(join(docs(), 'binary.txt'));
        await rm(join(docs(), 'large.md'));
        await write({ 'latin1.txt': 'café', 'keeping.md': `${KEEPING}\nThe tower is white.\n` });
        const second = await ingest('docs');
        expect(second.code).toBe(0);
        expect(outcomes(second.body)).toEqual({
          'keeping.md': 'taken',
          'latin1.txt': 'taken',
          'deep/down/fog.txt': 'unchanged',
          'page.html': 'unchanged',
        });
        expect(second.body.counts).toMatchObject({
          files: 4,
          taken: 2,
          unchanged: 2,
          waiting: 0,
          not_taken: 0,
          not_tried: 0,
        });

        const found = await json('search', 'What colour is a buoy painted?', '--limit', '1');
        expect(found.body).toMatchObject({
          hits: [{ title: 'Buoys & beacons', text: 'A buoy is painted red.' }],
        });
      },
      TIMEOUT_MS,
    );

    it(
      'goes on where it was cut off: every document is there, once',
      async () => {
        const service = bootChild(env);
        try {
          await service.ready();
          const names = Array.from({ length: 60 }, (_, i) => `station-${i}.md`);
          await write(
            Object.fromEntries(
              names.map((name, i) => [name, `# Station ${i}\n\nBuoy number ${i} was relit.\n`]),
            ),
          );

          const cut = start('ingest', 'docs', '--concurrency', '1', '--prefix', 'stations/');
          await cut.says('taken station-');
          cut.interrupt();
          const { code, stdout, stderr } = await cut.ended;
          expect(code).toBe(130);
          expect(stderr).toContain('Interrupted');
          expect(stdout).toContain('Run the same command again');

          const again = await ingest('docs', '--prefix', 'stations/');
          expect(again.code).toBe(0);
          expect(again.body.counts.unchanged).toBeGreaterThan(0);
          expect(again.body.counts.taken + again.body.counts.unchanged).toBe(60);
          const { body } = await service.api('GET', '/api/v1/documents?limit=200');
          expect(body.data.map((d: { external_id: string }) => d.external_id).toSorted()).toEqual(
            names.map((name) => `stations/${name}`).toSorted(),
          );
          expect(body.data.every((d: { status: string }) => d.status === 'ready')).toBe(true);
        } finally {
          await end(service);
        }
      },
      TIMEOUT_MS,
    );

    it('says what is wrong with a folder that is not there, is a file, or holds nothing that matches', async () => {
      await write({ 'photo.png': 'x' });
      const missing = await run('ingest', 'nowhere');
      expect(missing).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('The folder nowhere cannot be read'),
      });
      const file = await run('ingest', 'docs/photo.png');
      expect(file).toMatchObject({ code: 1, stderr: expect.stringContaining('is not a folder') });
      const nothing = await run('ingest', 'docs');
      expect(nothing).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/Nothing in docs matches .*holds 1 \.png.*--include/s),
      });
    });

    it('refuses options that it does not know, and values that make no sense', async () => {
      expect(await run('ingest', 'docs', '--colour')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("unknown option '--colour'"),
      });
      expect(await run('ingest', 'docs', '--concurrency', 'many')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('whole number'),
      });
      expect(await run('ingest')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("missing required argument 'folder'"),
      });
      const help = await run('ingest', '--help');
      expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('Examples:') });
    });
  });

  it('shows what ingest would take without a service, and ends as ingest would', async () => {
    await write({
      'keeping.md': KEEPING.repeat(5),
      'brief.txt':
        'Der Leuchtturmwärter schneidet alle vier Stunden den Docht und füllt das Öl in der Lampe nach.\n',
      'latin1.txt': Buffer.from([0x63, 0x61, 0x66, 0xe9]),
      'photo.png': 'x',
    });
    const { code, body } = await json('inspect', 'docs');
    expect(code).toBe(1);
    expect(body).toMatchObject({
      files: 3,
      would_be_taken: 2,
      content_types: { 'text/markdown': 1, 'text/plain': 1 },
      languages: { en: 1, de: 1 },
      left_out: { '.png': 1 },
    });
    expect((body as { chunks: number }).chunks).toBeGreaterThanOrEqual(2);
    const shown = await run('inspect', 'docs', '--exclude', 'latin1*');
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('2 of 2 files would be taken');
    await expect(run('inspect', 'docs', '--url', 'http://localhost')).resolves.toMatchObject({ code: 2 });
  }, 30_000);

  describe('beside a running service', () => {
    let service: Child;
    let url: string;
    beforeEach(async () => {
      service = bootChild(env);
      url = await service.ready();
    }, 60_000);
    afterEach(() => end(service));

    it(
      'uses the service that holds the data folder, and says so',
      async () => {
        await write({ 'keeping.md': KEEPING, 'fog.md': FOG });
        const taken = await ingest('docs', '--metadata', 'kind=manual', 'year=2026');
        expect(taken).toMatchObject({ code: 0, body: { url, counts: { taken: 2 } } });
        expect(taken.stderr).toContain(`Using the service at ${url} (process ${service.pid}`);

        const answer = await run('ask', 'What does the lamp burn?');
        expect(answer.code).toBe(0);
        expect(answer.stdout).toContain('The lamp burns colza oil. [1]');
        expect(answer.stdout).toMatch(/\[1\] Lighthouse keeping · keeping\.md/);
        expect(answer.stdout).toContain('answer level: extractive · retrieval: hybrid');

        const found = await run(
          'search',
          'horn',
          '--mode',
          'keyword',
          '--limit',
          '1',
          '--filter',
          'year={"gte":2025}',
        );
        expect(found.stdout).toMatch(/1\. Fog signals .*\n.*sounds the horn/);
        const none = await json('search', 'horn', '--filter', 'kind=letter');
        expect(none.body).toMatchObject({ hits: [] });
        expect(none.stderr).not.toContain('no documents here');
      },
      TIMEOUT_MS,
    );

    it(
      'keeps tenants apart, and says where there is nothing yet',
      async () => {
        await write({ 'keeping.md': KEEPING });
        expect(await run('ingest', 'docs', '--business', 'acme')).toMatchObject({ code: 0 });
        const own = await json('ask', 'What does the lamp burn?', '--business', 'acme', '--url', url);
        expect(own.body).toMatchObject({ answer: expect.stringContaining('colza oil') });
        const other = await json('ask', 'What does the lamp burn?', '--business', 'globex', '--url', url);
        expect(other.body).toMatchObject({ citations: [] });
        expect((await run('ask', 'What does the lamp burn?', '--business', 'globex')).stderr).toContain(
          'no documents here yet',
        );
      },
      TIMEOUT_MS,
    );

    it(
      'is refused by check, as a second service is',
      async () => {
        const { code, body, stderr } = await json('check');
        expect(code).toBe(17);
        expect(body).toMatchObject({
          ok: false,
          exit_code: 17,
          error: expect.stringContaining(`in use by process ${service.pid}, which serves ${url}`),
        });
        expect(stderr).toContain(url);
      },
      TIMEOUT_MS,
    );
  });

  it(
    'keeps the log of its own service out of the result, however much is logged',
    async () => {
      await write({ 'keeping.md': KEEPING });
      env['LOG_LEVEL'] = 'trace';
      env['LOG_FORMAT'] = 'console';
      const { code, body, stderr } = await ingest('docs');
      expect(code).toBe(0);
      expect(body.counts.taken).toBe(1);
      expect(stderr).toContain('"event":"boot.step"');
    },
    TIMEOUT_MS,
  );

  describe('check', () => {
    it(
      'opens everything, tells each step, and closes it again',
      async () => {
        const shown = await run('check');
        expect(shown).toMatchObject({ code: 0, stderr: '' });
        expect(shown.stdout).toMatch(/^ok +settings /);
        for (const step of ['database', 'cache', 'llm', 'vector_store'])
          expect(shown.stdout).toMatch(new RegExp(`^ok +${step} `, 'm'));
        const { code, body } = await json('check');
        expect(code).toBe(0);
        expect(body).toMatchObject({
          ok: true,
          steps: expect.arrayContaining([expect.objectContaining({ step: 'database', verdict: 'ok' })]),
        });
      },
      TIMEOUT_MS,
    );

    it('names every wrong setting, and ends with 10', async () => {
      env = { ...env, PORT: 'eighty', DB_POOL_SIZE: '1' };
      const { code, body, stderr } = await json('check');
      expect(code).toBe(10);
      expect(body).toMatchObject({ ok: false, exit_code: 10 });
      expect(stderr).toMatch(/2 settings are wrong:\n {2}PORT must be .*\n {2}DB_POOL_SIZE must be /);
    });
  });

  describe('towards a service that is not well', () => {
    let server: Server;
    let url: string;
    let calls: string[];
    /** What it says to a new document. */
    let answer: (nth: number) => { status: number; headers?: Record<string, string>; body: object };

    beforeEach(async () => {
      calls = [];
      server = createServer((request, response) => {
        const { status, headers = {}, body } = reply(request);
        request.resume().once('end', () => {
          response
            .writeHead(status, { 'content-type': 'application/json', ...headers })
            .end(JSON.stringify(body));
        });
      });
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await write({ 'keeping.md': KEEPING });
    });
    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    function reply({ method, url: path = '' }: IncomingMessage) {
      calls.push(`${method} ${path.split('?')[0]}`);
      if (path === '/health') return { status: 200, body: { service: 'mainstay' } };
      if (method === 'POST') return answer(posts());
      if (path.startsWith('/api/v1/documents?'))
        return { status: 200, body: { data: [], next_cursor: null } };
      return { status: 200, body: { id: 'd', status: 'ready', chunk_count: 1, error: null } };
    }

    const posts = () => calls.filter((call) => call.startsWith('POST')).length;

    it('waits as long as Retry-After says and tries again', async () => {
      answer = (nth) =>
        nth < 3
          ? {
              status: nth === 1 ? 503 : 429,
              headers: { 'retry-after': '1' },
              body: { detail: 'There is too much to do' },
            }
          : { status: 202, body: { id: 'd' } };
      const startedMs = performance.now();
      const { code, body, stderr } = await ingest('docs', '--url', url);
      expect(code).toBe(0);
      expect(body.counts.taken).toBe(1);
      expect(performance.now() - startedMs).toBeGreaterThan(2_000);
      expect(stderr).toContain('There is too much to do');
    }, 30_000);

    it('gives up after five tries, and says what was not tried', async () => {
      await write({ 'a.md': KEEPING, 'b.md': KEEPING, 'c.md': KEEPING });
      answer = () => ({ status: 503, body: { detail: 'database is not available (unreachable)' } });
      const { code, body, stderr } = await ingest('docs', '--concurrency', '1', '--url', url);
      expect(code).toBe(1);
      expect(posts()).toBe(5);
      expect(body.counts).toMatchObject({ files: 4, taken: 0, not_tried: 4 });
      expect(body.stopped).toContain('database is not available');
      expect(stderr).toContain('database is not available');
    }, 60_000);

    it('does not try again what is refused, and stops when everything would be', async () => {
      answer = () => ({
        status: 422,
        body: { code: 'validation_failed', detail: 'collection: must be one of documents' },
      });
      const refused = await ingest('docs', '--url', url);
      expect(refused).toMatchObject({ code: 1, body: { counts: { not_taken: 1 } } });
      expect(refused.body.documents[0]?.reason).toBe('collection: must be one of documents');
      answer = () => ({
        status: 401,
        body: { code: 'unauthorized', detail: 'The token has expired: get a new one' },
      });
      const stopped = await run('ingest', 'docs', '--url', url);
      expect(stopped).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('The token has expired: get a new one. Give a token with --token'),
      });
      expect(posts()).toBe(2);
    }, 30_000);

    it('says at once that nobody answers, or that it is somebody else', async () => {
      await new Promise((resolve) => server.close(resolve));
      const nobody = await run('ask', 'Who?', '--url', url);
      expect(nobody).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/does not answer \(ECONNREFUSED\)\. Is the service running there/),
      });
      server = createServer((_request, response) => response.end('<html>Welcome to nginx</html>'));
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      env['MAINSTAY_URL'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      expect(await run('ask', 'Who?')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('is not Mainstay'),
      });
    }, 30_000);
  });
});

async function end(service: Child): Promise<void> {
  service.kill('SIGTERM');
  await service.exited;
}
