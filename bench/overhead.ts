import '../test/chaos/sources.ts';
import { Agent, request } from 'undici';
import { fixed, median, quantile, table } from './support/figures.ts';
import { megabytes, type Running, start } from './support/process.ts';

// What it costs to watch the service: the same build with and without its sampler, metrics and timings, side by side on a
// real PostgreSQL, asked in turn over one connection each. `npm run bench:overhead`
const { PostgresServer } = await import('../test/support/postgres.js');
const { startQdrant } = await import('../test/support/qdrant.js');
const PAIRS = 4_000;
const STARTS = 5;
const SETTLE_MS = 5_000;
const OFF = { HEALTH_INTERVAL_MS: '600000', PROMETHEUS_ENABLED: 'false', SERVER_TIMING: 'false' };
const LAMP = { title: 'Lamp', content: 'The lamp burns colza oil in winter, and whale oil in summer.' };

const agent = new Agent({ connections: 1, pipelining: 1 });
const call = async (method: 'GET' | 'POST', url: string, body?: object) => {
  const answer = await request(url, {
    method,
    dispatcher: agent,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.statusCode} ${text}`);
  return JSON.parse(text) as { id: string };
};
const timed = async (work: () => Promise<unknown>) => {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
};

const server = await PostgresServer.start();
const qdrant = await startQdrant();
const services: Running[] = [];
try {
  const env = { DATABASE_URL: await server.newDatabase(), QDRANT_URL: qdrant.url, DB_POOL_MAX_OVERFLOW: '0' };
  const watched = await start('watched', env);
  const unwatched = await start('unwatched', { ...env, ...OFF });
  services.push(watched, unwatched);
  const { id } = await call('POST', `${watched.url}/api/v1/documents`, LAMP);
  const kinds: [string, (of: Running) => Promise<unknown>][] = [
    ['a document', ({ url }) => call('GET', `${url}/api/v1/documents/${id}`)],
    ['a search', ({ url }) => call('POST', `${url}/api/v1/search`, { query: 'lamp', mode: 'keyword' })],
    ['readiness', ({ url }) => call('GET', `${url}/api/v1/health/readiness`)],
  ];
  const rows = [];
  for (const [what, ask] of kinds) {
    const took = services.map(() => [] as number[]);
    for (let i = 0; i < PAIRS; i += 1)
      for (const [j, service] of (i % 2 === 0 ? services : services.toReversed()).entries()) {
        const ms = await timed(() => ask(service));
        // The first few hundred are for the compiler.
        if (i >= PAIRS / 8) took[i % 2 === 0 ? j : 1 - j]!.push(ms);
      }
    const [p50, p99] = [0.5, 0.99].map((q) => took.map((ms) => quantile(ms, q)));
    rows.push([what, ...[p50!, p99!].flatMap(([on, off]) => [fixed(on!), fixed(off!), fixed(on! - off!)])]);
  }
  process.stdout.write(
    `${table(['ms', 'p50 watched', 'p50 unwatched', 'added', 'p99 watched', 'p99 unwatched', 'added'], rows)}\n\n`,
  );
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const weights = services.map(({ pid }) => megabytes(pid));
  const starts = services.map(() => [] as number[]);
  for (let i = 0; i < STARTS; i += 1)
    for (const [j, more] of [{}, OFF].entries()) {
      const service = await start('again', { ...env, ...more });
      starts[j]!.push(service.readyMs);
      await service.stop();
    }
  process.stdout.write(
    `${table(
      ['', 'watched', 'unwatched'],
      [
        ['resident after that, MB', ...weights.map((mb) => fixed(mb, 0))],
        ['start to ready, ms (median)', ...starts.map((ms) => fixed(median(ms), 0))],
      ],
    )}\n`,
  );
} finally {
  for (const service of services) await service.stop();
  await qdrant.stop();
  await server.stop();
  await agent.close();
}
