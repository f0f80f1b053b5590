import '../../test/chaos/sources.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { readCorpus } from '../retrieval/corpora.ts';
import { questions } from '../retrieval/questions.ts';
import { fixed, quantile, table } from '../support/figures.ts';
import { type Running, start } from '../support/process.ts';
import { type Ask, closedLoop, openLoop, type Outcome, send } from './traffic.ts';

// What becomes of a service that is asked for three times what it can do, on a real PostgreSQL: as it is, and beside it
// with nothing refused (OVERLOAD_QUEUE_MS=0). `npm run bench:overload`
const { PostgresServer } = await import('../../test/support/postgres.js');
const { FaultProxy } = await import('../../test/support/fault-proxy.js');
const { startQdrant } = await import('../../test/support/qdrant.js');
const CLIENTS = [1, 2, 4, 8, 16];
const ROUND_MS = 4_000;
const OVERLOAD_MS = 15_000;
// Until it is known how much can be done, a second's worth of requests is let in.
const ONSET_MS = 4_000;
const TIMES = 3;

const QUESTIONS = questions('report').map(({ question }) => question);
const asking = (n: number) => `${QUESTIONS[n % QUESTIONS.length]!} (${n})`;
const search: Ask = (n) => ({
  path: '/api/v1/search',
  body: { query: asking(n), mode: 'keyword', limit: 5 },
});
const generate: Ask = (n) => ({
  path: '/api/v1/generate',
  body: { topic: asking(n), format: 'note' },
});
const ingest: Ask = (n) => ({
  path: '/api/v1/documents',
  body: { title: `Note ${n}`, content: `The lamp of house ${n} burns colza oil.` },
});

/** What the service goes by: how far its database is away, and how much there is to be searched. */
interface World {
  env: Record<string, string>;
  wayMs: number;
  documents: number;
  kinds: Record<string, Ask>;
}
const WORLDS: World[] = [
  {
    // What is at its limit is the database, and nothing that shares these cores with the load.
    env: { DB_POOL_SIZE: '4', DB_POOL_MAX_OVERFLOW: '0' },
    wayMs: 5,
    documents: 5,
    kinds: {
      'search, 4 connections to a database 10 ms away': search,
      'generate, the same, a model thinks 100 ms': generate,
    },
  },
  { env: {}, wayMs: 0, documents: 40, kinds: { 'search, all on the same two cores': search } },
];

const provider = spawn(process.execPath, [fileURLToPath(new URL('provider.mjs', import.meta.url))], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [address] = (await once(provider.stdout, 'data')) as [Buffer];
const server = await PostgresServer.start();
const qdrants: Awaited<ReturnType<typeof startQdrant>>[] = [];
const services: Running[] = [];
const lines: Awaited<ReturnType<typeof FaultProxy.start>>[] = [];
const agent = new Agent();

async function serving({ env, wayMs, documents }: World, more: Record<string, string>): Promise<Running> {
  const qdrant = await startQdrant();
  qdrants.push(qdrant);
  const url = new URL(await server.newDatabase());
  if (wayMs > 0) {
    const line = await FaultProxy.start(server.port);
    lines.push(line);
    await line.behave({ kind: 'latency', ms: wayMs });
    url.port = String(line.port);
  }
  const service = await start('overloaded', {
    QDRANT_URL: qdrant.url,
    DATABASE_URL: url.href,
    LLM_PROVIDERS: 'local',
    LOCAL_BASE_URL: address.toString().trim(),
    LOCAL_MODEL: 'local',
    ...env,
    ...more,
  });
  services.push(service);
  for (const { title, text } of [...readCorpus()].slice(0, documents)) {
    const body = { title, content: text, content_type: 'text/markdown' };
    const { status } = await send(agent, service.url, () => ({ path: '/api/v1/documents', body }));
    if (status !== 202) throw new Error(`A document was not taken: ${status}`);
  }
  for (;;) {
    const reply = await request(`${service.url}/api/v1/documents?limit=100`, { dispatcher: agent });
    const { data } = (await reply.body.json()) as { data: { status: string }[] };
    if (data.every(({ status }) => status === 'ready')) return service;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Probes while something else goes on. */
async function probing<T>(url: string, work: Promise<T>): Promise<{ result: T; ms: number[] }> {
  const ms: number[] = [];
  let going = true;
  const result = work.finally(() => (going = false));
  while (going) {
    const startedMs = performance.now();
    const { body, statusCode } = await request(`${url}/health/ready`, { dispatcher: agent });
    await body.dump();
    if (statusCode !== 200) throw new Error(`Readiness says ${statusCode}`);
    ms.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { result: await result, ms };
}

/** Of each kind as much as could be done of searches alone: which of them is? */
async function byImportance(url: string): Promise<string> {
  const { perSecond } = await closedLoop(url, search, 8, ROUND_MS);
  const made = await request(`${url}/api/v1/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(generate(0).body),
    dispatcher: agent,
  });
  const { generation_id: id } = (await made.body.json()) as { generation_id: string };
  const feedback: Ask = (n) => ({
    path: '/api/v1/feedback',
    body: { generation_id: id, human_approved: true, human_score: n % 11, human_feedback: `No. ${n}` },
  });
  const mix = [
    { name: 'feedback', ask: feedback, perSecond: 0.1 * perSecond },
    { name: 'chat (searches)', ask: search, perSecond: 0.6 * perSecond },
    { name: 'generate', ask: generate, perSecond },
    { name: 'ingest', ask: ingest, perSecond },
  ];
  const { result, ms } = await probing(url, openLoop(url, mix, OVERLOAD_MS));
  const rows = mix.map(({ name }) => {
    const outcomes = result.get(name)!.filter(({ atMs }) => atMs >= ONSET_MS);
    const done = outcomes.filter(({ status }) => status >= 200 && status < 300);
    const share = fixed(done.length / outcomes.length, 2);
    return [name, outcomes.length, share, figure(times(done), 0.5), figure(times(done), 0.99)];
  });
  rows.push(['readiness', ms.length, '1.00', figure(ms, 0.5), figure(ms, 0.99)]);
  return table(['by importance', 'asked', 'share done', 'p50 ms', 'p99 ms'], rows);
}

const times = (of: readonly Outcome[]) => of.map(({ tookMs }) => tookMs);
const figure = (values: readonly number[], q: number) =>
  values.length === 0 ? '–' : fixed(quantile(values, q), 1);

try {
  const rows: (string | number)[][] = [];
  let importance: string | undefined;
  for (const world of WORLDS) {
    const asItIs = await serving(world, {});
    const refusesNobody = await serving(world, { OVERLOAD_QUEUE_MS: '0' });
    for (const [kind, ask] of Object.entries(world.kinds)) {
      await closedLoop(asItIs.url, ask, 4, ROUND_MS);
      const alone = await closedLoop(asItIs.url, ask, 1, ROUND_MS);
      let peak = 0;
      for (const clients of CLIENTS)
        peak = Math.max(peak, (await closedLoop(asItIs.url, ask, clients, ROUND_MS)).perSecond);
      process.stdout.write(
        `${kind}: one client p50 ${fixed(alone.p50, 1)} ms, p99 ${fixed(alone.p99, 1)} ms; at the most ${fixed(peak, 0)} a second\n\n`,
      );
      for (const [name, { url }] of [
        ['as it is', asItIs],
        ['nothing refused', refusesNobody],
      ] as const) {
        const { result, ms } = await probing(
          url,
          openLoop(url, [{ name: kind, ask, perSecond: TIMES * peak }], OVERLOAD_MS),
        );
        const outcomes = result.get(kind)!.filter(({ atMs }) => atMs >= ONSET_MS);
        const done = outcomes.filter(
          ({ status, atMs, tookMs }) => status === 200 && atMs + tookMs <= OVERLOAD_MS,
        );
        const refused = outcomes.filter(({ status }) => status === 503);
        rows.push([
          kind,
          name,
          fixed(done.length / ((OVERLOAD_MS - ONSET_MS) / 1_000) / peak, 2),
          figure(times(done), 0.5),
          figure(times(done), 0.99),
          done.length === 0 ? '–' : fixed(quantile(times(done), 0.99) / alone.p99, 2),
          refused.length,
          refused.filter(({ retryAfter }) => retryAfter === undefined).length,
          outcomes.length - done.length - refused.length,
          figure(times(refused), 0.99),
          figure(ms, 0.5),
          figure(ms, 0.99),
        ]);
        // What the overload has left behind is not the next one's.
        await new Promise((resolve) => setTimeout(resolve, 3_000));
      }
    }
    importance ??= await byImportance(asItIs.url);
  }
  const head = [
    'three times as much',
    '',
    'done, of the most',
    'p50 ms',
    'p99 ms',
    'p99 to one client',
    'refused',
    '… without Retry-After',
    'other or too late',
    'refused after, p99 ms',
    'probe p50 ms',
    'p99 ms',
  ];
  process.stdout.write(`${table(head, rows)}\n\n`);
  process.stdout.write(`${importance}\n`);
} finally {
  for (const service of services) await service.stop();
  for (const line of lines) await line.stop();
  for (const qdrant of qdrants) await qdrant.stop();
  await server.stop();
  provider.kill();
  await agent.close();
}
