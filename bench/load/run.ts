import '../../test/chaos/sources.ts';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { questions } from '../retrieval/questions.ts';
import { readCorpus } from '../retrieval/corpora.ts';
import { fixed, median, quantile, table } from '../support/figures.ts';
import { megabytes, type Running, start } from '../support/process.ts';

// Search under load on a real PostgreSQL, with the resilience layer and without it, and what the layer weighs in memory.
// The two services run side by side and are loaded in turn. `npm run bench:load`
const { PostgresServer } = await import('../../test/support/postgres.js');
const { startQdrant } = await import('../../test/support/qdrant.js');
const CLIENTS = 32;
const ROUNDS = 9;
const ROUND_MS = 4_000;
const DOCUMENTS = 60;
const QUESTIONS = questions('report').map(({ question }) => question);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const agent = new Agent({ connections: CLIENTS, pipelining: 1 });

async function post(url: string, body: unknown): Promise<any> {
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    dispatcher: agent,
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.statusCode} ${text}`);
  return JSON.parse(text);
}

/** `CLIENTS` clients that ask one question after the other. */
async function load(running: Running): Promise<{ perSecond: number; p50: number; p99: number }> {
  const took: number[] = [];
  const endMs = performance.now() + ROUND_MS;
  const client = async (n: number) => {
    for (let i = n; performance.now() < endMs; i += 1) {
      const query = QUESTIONS[i % QUESTIONS.length]!;
      const beganMs = performance.now();
      await post(`${running.url}/api/v1/search`, { query, mode: 'keyword', limit: 5 });
      took.push(performance.now() - beganMs);
    }
  };
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(n)));
  const seconds = (performance.now() - beganMs) / 1_000;
  return { perSecond: took.length / seconds, p50: median(took), p99: quantile(took, 0.99) };
}

const server = await PostgresServer.start();
const qdrant = await startQdrant();
const services: Running[] = [];
try {
  const env = { DATABASE_URL: await server.newDatabase(), QDRANT_URL: qdrant.url, DB_POOL_MAX_OVERFLOW: '0' };
  services.push(await start('with', env, []));
  services.push(await start('without', env, ['--import', `${ROOT}bench/load/bare.mjs`]));
  const atRest = services.map(({ pid }) => megabytes(pid));
  const manuals = [...readCorpus()].slice(0, DOCUMENTS);
  for (const { title, text } of manuals)
    await post(`${services[0]!.url}/api/v1/documents`, {
      title,
      content: text,
      content_type: 'text/markdown',
    });
  for (const service of services) await load(service);
  const figures = services.map(() => [] as Awaited<ReturnType<typeof load>>[]);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [i, service] of services.entries()) figures[i]!.push(await load(service));
  const rows = services.map(({ name, pid }, i) => {
    const of = (what: 'perSecond' | 'p50' | 'p99') => median(figures[i]!.map((figure) => figure[what]));
    return [
      name,
      fixed(of('perSecond'), 0),
      fixed(of('p50'), 1),
      fixed(of('p99'), 1),
      fixed(atRest[i]!, 0),
      fixed(megabytes(pid), 0),
    ];
  });
  process.stdout.write(
    `${table(['resilience', 'searches/s', 'p50 ms', 'p99 ms', 'MB at rest', 'MB after'], rows)}\n`,
  );
} finally {
  for (const service of services) await service.stop();
  await qdrant.stop();
  await server.stop();
  await agent.close();
}
