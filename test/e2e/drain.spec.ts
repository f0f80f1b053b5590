import { once } from 'node:events';
import { connect } from 'node:net';
import { type Child, bootChild } from '../support/boot.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { ingest } from '../support/documents.js';

const QUESTION = { question: 'What does the lamp burn?' };
const LAMP = { title: 'Lamp', content: 'The lamp burns colza oil in winter, and whale oil in summer.' };

let provider: Provider;
let folder: TemporaryFolder;
let service: Child;

beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider.stop());
beforeEach(async () => {
  folder = await temporaryFolder();
  await provider.behave(undefined);
  provider.requests.length = 0;
});
afterEach(async () => {
  service.kill('SIGKILL');
  await service.exited;
  await folder.remove();
});

const start = async (env: Record<string, string> = {}) => {
  service = bootChild({
    DATA_DIR: folder.path,
    LLM_PROVIDERS: 'only',
    ONLY_BASE_URL: provider.url,
    ONLY_MODEL: 'model',
    ...env,
  });
  const url = await service.ready();
  await ingest(service.api, LAMP);
  return url;
};
/** A question whose answer takes its time, and has begun to. */
const slowAnswer = async () => {
  await provider.behave({ kind: 'drip', everyMs: 250 });
  const answer = service.api('POST', '/api/v1/answers', QUESTION);
  await eventually(() => provider.of('chat').length > 0);
  return answer;
};
const refuses = async (url: string) => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const [refused] = await Promise.race([
    once(socket, 'error'),
    once(socket, 'connect').then(() => [undefined]),
  ]);
  socket.destroy();
  return refused !== undefined;
};

describe('A service that is told to stop', () => {
  it('says so to load balancers and serves on, then finishes what is under way, and ends with 0', async () => {
    const url = await start({ DRAIN_DELAY_MS: '1500' });
    const answer = slowAnswer();
    await eventually(() => provider.of('chat').length > 0);
    service.kill('SIGTERM');
    const readiness = await eventually(async () => {
      const reply = await service.api('GET', '/api/v1/health/readiness');
      return reply.status === 503 ? reply : undefined;
    });
    expect(readiness.body).toMatchObject({ status: 'shutting_down', overall_healthy: false });
    const search = await service.api('POST', '/api/v1/search', { query: 'lamp' });
    expect(search.status).toBe(200);
    expect(search.headers.get('connection')).toBe('close');
    expect((await service.api('GET', '/health')).status).toBe(200);
    await eventually(() => refuses(url));
    const { status, headers, body } = await answer;
    expect({ status, level: body.answer_level }).toEqual({ status: 200, level: 'full' });
    expect(headers.get('connection')).toBe('close');
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.stdout()).toContain('"event":"drain.ended"');
  }, 60_000);

  it('tells whoever it cannot wait for, and still ends with 0', async () => {
    await start({ DRAIN_TIMEOUT_MS: '500' });
    await provider.behave({ kind: 'hang', at: 'headers' });
    const answer = service.api('POST', '/api/v1/answers', QUESTION);
    await eventually(() => provider.of('chat').length > 0);
    service.kill('SIGTERM');
    const { status, headers, body } = await answer;
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'shutting_down' });
    expect(headers.get('retry-after')).toBe('1');
    expect((await service.exited).code).toBe(0);
  }, 60_000);

  it('tells whoever reads a stream that it cannot wait for, in the words of either API', async () => {
    const url = await start({ DRAIN_TIMEOUT_MS: '500', STREAM_HEARTBEAT_MS: '100' });
    await provider.behave({ kind: 'stall', afterTokens: 0 });
    const streams = await Promise.all(
      [
        { path: '/api/v1/answers', body: QUESTION },
        { path: '/v1/chat/completions', body: { messages: [{ role: 'user', content: 'Hello' }] } },
      ].map(({ path, body }) =>
        fetch(`${url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ ...body, stream: true }),
        }),
      ),
    );
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    service.kill('SIGTERM');
    const texts = await Promise.all(streams.map((stream) => stream.text()));
    const [own, openai] = texts.map((text) => text.trimEnd().split('\n\n').at(-1));
    expect(own).toMatch(/\nevent: error\ndata: \{.*"code":"shutting_down"/);
    expect(openai).toMatch(/^data: \{"error":\{.*"code":"shutting_down"/);
    expect((await service.exited).code).toBe(0);
  }, 60_000);

  it('ends at once when it is told again', async () => {
    await start({ DRAIN_DELAY_MS: '60000' });
    service.kill('SIGTERM');
    await eventually(() => service.stdout().includes('"event":"drain.started"'));
    // Sooner it would be taken for an echo of the first.
    const impatient = setInterval(() => service.kill('SIGTERM'), 200);
    expect(await service.exited).toEqual({ code: 1, signal: null });
    clearInterval(impatient);
  }, 60_000);

  it('hands back the jobs that it cannot finish', async () => {
    await start({ DRAIN_DELAY_MS: '0', ONLY_EMBEDDING_MODEL: 'embedding', ONLY_EMBEDDING_DIMENSION: '64' });
    await provider.behave({ kind: 'hang', at: 'headers', on: ['embeddings'] });
    const { body } = await service.api('POST', '/api/v1/documents', { ...LAMP, title: 'Another' });
    await eventually(() => provider.of('embeddings').length > 1);
    service.kill('SIGTERM');
    expect((await service.exited).code).toBe(0);
    await provider.behave(undefined);
    service = bootChild({
      DATA_DIR: folder.path,
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_MODEL: 'model',
      ONLY_EMBEDDING_MODEL: 'embedding',
      ONLY_EMBEDDING_DIMENSION: '64',
    });
    await eventually(
      async () => (await service.api('GET', `/api/v1/documents/${body.id}`)).body.status === 'ready',
      { timeoutMs: 15_000 },
    );
  }, 60_000);
});

describe('A service in which an error is caught by nobody', () => {
  // Thrown from outside of everything, as a mistake of some package would be.
  const thrower = (how: string) =>
    `--import=data:text/javascript,${encodeURIComponent(`process.on('SIGHUP', () => setImmediate(() => ${how}))`)}`;

  it.each([
    ['uncaughtException', `{ throw new Error('boom') }`],
    ['unhandledRejection', `Promise.reject(new Error('boom'))`],
  ])(
    'says all of it, finishes what is under way, and ends with 1: %s',
    async (origin, how) => {
      await start({ NODE_OPTIONS: thrower(how), DRAIN_DELAY_MS: '60000' });
      const answer = slowAnswer();
      await eventually(() => provider.of('chat').length > 0);
      service.kill('SIGHUP');
      expect((await answer).status).toBe(200);
      expect((await service.exited).code).toBe(1);
      const line = service
        .stdout()
        .split('\n')
        .find((text) => text.includes('"event":"process.crashed"'));
      expect(JSON.parse(line!)).toMatchObject({
        level: 60,
        origin,
        err: { message: 'boom', stack: expect.stringContaining('Error: boom') },
      });
    },
    60_000,
  );
});

describe('Maintenance', () => {
  it('keeps callers away and answers probes and operators, by the API and by a signal', async () => {
    await start();
    const order = (body: object) => service.api('PUT', '/api/v1/operations/maintenance', body);
    const began = await order({ enabled: true, detail: 'Moving house', retry_after_s: 120 });
    expect(began).toMatchObject({
      status: 200,
      body: { enabled: true, detail: 'Moving house', retry_after_s: 120 },
    });
    const refused = await service.api('POST', '/api/v1/search', { query: 'lamp' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'maintenance', detail: 'Moving house' } });
    expect(refused.headers.get('retry-after')).toBe('120');
    expect((await service.api('GET', '/health')).status).toBe(200);
    expect(await service.api('GET', '/api/v1/health/readiness')).toMatchObject({
      status: 503,
      body: { status: 'not_ready' },
    });
    expect((await service.api('GET', '/api/v1/health/diagnostics')).status).toBe(200);
    expect(await order({ enabled: false })).toMatchObject({
      status: 200,
      body: { enabled: false, since: null },
    });
    expect((await service.api('POST', '/api/v1/search', { query: 'lamp' })).status).toBe(200);
    expect(await order({ enabled: 'yes' })).toMatchObject({ status: 422 });

    const isOn = async () => (await service.api('GET', '/api/v1/health/readiness')).status === 503;
    service.kill('SIGUSR2');
    await eventually(isOn);
    service.kill('SIGUSR2');
    await eventually(async () => !(await isOn()));
  }, 60_000);
});
