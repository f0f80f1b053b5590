import { Agent, request } from 'node:http';
import { haproxyMissing } from '../support/haproxy.js';
import { describeNeeding } from '../support/needs.js';
import { postgresMissing, PostgresServer } from '../support/postgres.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { Replicas } from '../support/replicas.js';

const LAMP = {
  title: 'Lamp',
  content: 'The lamp burns colza oil in winter, and whale oil in summer.',
};
const PER_SECOND = 200;
const ANSWERS = 4;
const RESTARTS = 10;
// HAProxy asks four times a second, and believes a second no.
const DRAIN_DELAY_MS = 2_000;

// Two replicas behind a load balancer that tries nothing again, under traffic, while each is restarted again and again.
describeNeeding(haproxyMissing ?? postgresMissing, 'A rolling restart', () => {
  let database: PostgresServer;
  let provider: Provider;
  let replicas: Replicas;

  beforeAll(async () => {
    [database, provider] = await Promise.all([PostgresServer.start(), startProvider()]);
    replicas = await Replicas.start({
      DATABASE_URL: await database.newDatabase(),
      DB_POOL_SIZE: '10',
      // A machine that is busy with other things is not what this is about.
      DB_ACQUIRE_TIMEOUT_MS: '5000',
      DRAIN_DELAY_MS: String(DRAIN_DELAY_MS),
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_MODEL: 'model',
    });
  }, 60_000);
  afterAll(async () => {
    await replicas?.stop();
    await Promise.all([database, provider].map((server) => server?.stop()));
  });

  it('loses no request: neither those that are short nor those that take seconds', async () => {
    const { id } = (await replicas.first.api('POST', '/api/v1/documents', LAMP)).body;
    await provider.behave({ kind: 'drip', everyMs: 300 });
    const agent = new Agent({ keepAlive: true, maxSockets: 50 });
    const outcomes = new Map<string, number>();
    const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    const call = (method: string, path: string, body?: object) =>
      new Promise<void>((resolve) => {
        const sent = request(
          `${replicas.url}${path}`,
          { method, agent, headers: { ...(body && { 'content-type': 'application/json' }) } },
          (response) => {
            response.on(
              'error',
              (error: NodeJS.ErrnoException) => (count(`${path} ${error.code}`), resolve()),
            );
            let text = '';
            response.on('data', (chunk: Buffer) => (text += chunk.toString()));
            response.on('end', () => {
              // Whose word it is when it is no 200: a problem has a code, the balancer has a page.
              const what = response.statusCode === 200 ? '' : ` ${text.slice(0, 200)}`;
              count(`${method} ${response.statusCode}${what}`);
              resolve();
            });
          },
        );
        sent.on('error', (error: NodeJS.ErrnoException) => (count(`${path} ${error.code}`), resolve()));
        sent.end(body === undefined ? undefined : JSON.stringify(body));
      });

    const calls: Promise<void>[] = [];
    let going = true;
    // An open loop: what is due is sent, whatever became of those before.
    const beganMs = performance.now();
    let sent = 0;
    const traffic = setInterval(() => {
      const due = ((performance.now() - beganMs) * PER_SECOND) / 1_000;
      for (; sent < due; sent += 1) calls.push(call('GET', `/api/v1/documents/${id}`));
    }, 5);
    const answering = Array.from({ length: ANSWERS }, async () => {
      while (going) await call('POST', '/api/v1/answers', { question: 'What does the lamp burn in winter?' });
    });

    const codes: (number | null)[] = [];
    for (let i = 0; i < RESTARTS; i += 1) codes.push(await replicas.restart(i % 2));
    clearInterval(traffic);
    going = false;
    await Promise.all([...calls, ...answering]);
    agent.destroy();
    expect(codes).toEqual(Array.from({ length: RESTARTS }, () => 0));
    expect([...outcomes.keys()].toSorted()).toEqual(['GET 200', 'POST 200']);
    expect(outcomes.get('GET 200')).toBe(sent);
    expect(outcomes.get('POST 200')).toBeGreaterThan(RESTARTS);
  }, 240_000);
});
