import '../test/chaos/sources.ts';
import type { Agent } from 'undici';
import { argument } from './support/argument.ts';
import { figuresOf, type Round, round, sent } from './support/clients.ts';
import { fixed, table } from './support/figures.ts';
import { start } from './support/process.ts';
import { serve } from './support/serve.ts';
import { Started } from './support/started.ts';
import { readCorpus } from './retrieval/corpora.ts';
import { questions } from './retrieval/questions.ts';
import { eventually } from '../test/support/eventually.ts';

// Searches and answers on a real PostgreSQL, with a model that takes no time, and what the same server takes for a request
// that touches nothing, in turn. By argument: how many rounds. `npm run bench:answers`
const { PostgresServer } = await import('../test/support/postgres.js');
const ROUNDS = argument('how many rounds', 4);
const LOADS = [
  { clients: 1, requests: 200 },
  { clients: 32, requests: 320 },
];
const INGEST_TIMEOUT_MS = 300_000;
const PASSAGES = 6;
const QUESTIONS = [...questions('report'), ...questions('dev')].map(({ question }) => question);
const SERVER = new URL('door/server.mjs', import.meta.url);
const QDRANT = new URL('support/qdrant.process.ts', import.meta.url);

/** What is asked, and which level its answer must have, where it is one. */
interface Kind {
  name: string;
  path: string;
  body?: (question: string) => object;
  level?: string;
}

const KINDS: Kind[] = [
  { name: 'GET /health/live', path: '/health/live' },
  {
    name: 'a search by words',
    path: '/api/v1/search',
    body: (query) => ({ query, mode: 'keyword', limit: PASSAGES }),
  },
  {
    name: 'a search by words and vectors',
    path: '/api/v1/search',
    body: (query) => ({ query, limit: PASSAGES }),
  },
  {
    name: 'an earlier answer',
    path: '/api/v1/answers',
    body: (question) => ({ question, limit: PASSAGES, max_age_s: 86_400 }),
    level: 'cached',
  },
  {
    name: 'an answer by the model',
    path: '/api/v1/answers',
    body: (question) => ({ question, limit: PASSAGES }),
    level: 'full',
  },
];

const started = new Started();
try {
  const database = await started.keep(PostgresServer.start());
  const qdrant = await started.keep(serve(QDRANT));
  const provider = await started.keep(serve(SERVER));
  const url = await database.newDatabase();
  const service = await started.keep(
    start('answers', {
      DATABASE_URL: url,
      QDRANT_URL: qdrant.url,
      DB_POOL_MAX_OVERFLOW: '0',
      LLM_PROVIDERS: 'local',
      LOCAL_BASE_URL: provider.url,
      LOCAL_MODEL: 'local',
    }),
  );
  const at = (path: string) => `${service.url}${path}`;
  let documents = 0;
  for (const { title, text } of readCorpus()) {
    await sent(at('/api/v1/documents'), { title, content: text, content_type: 'text/markdown' });
    documents += 1;
  }
  const open = async (status: string) => {
    const { data } = await sent(at(`/api/v1/documents?status=${status}&limit=1`));
    return data.length as number;
  };
  await eventually(async () => (await open('queued')) + (await open('processing')) === 0, {
    timeoutMs: INGEST_TIMEOUT_MS,
    everyMs: 250,
    what: 'That every document is in the index',
  });
  if ((await open('failed')) > 0) throw new Error('A document could not be taken in');
  const [counted] = await database.query<{ passages: string }>('select count(*) passages from chunks', url);
  process.stdout.write(
    `${counted!.passages} passages of ${documents} documents, ${QUESTIONS.length} questions\n\n`,
  );

  // Answers at another level than was measured: a machine that is too busy takes its models for away.
  const others = new Map<string, number>();
  // Each client has questions of its own: one model call for two who ask the same would flatter.
  const ask = async (
    { name, path, body, level }: Kind,
    clients: number,
    agent: Agent,
    client: number,
    i: number,
  ) => {
    const own = QUESTIONS.filter((_, j) => j % clients === client);
    const question = own[i % own.length]!;
    const startedMs = performance.now();
    const answer = await sent(at(path), body?.(question), agent);
    const tookMs = performance.now() - startedMs;
    if (answer.answer_level !== level) {
      const why = (answer.degraded_because as { dependency: string; reason: string }[])
        .map(({ dependency, reason }) => `${dependency} ${reason}`)
        .join(', ');
      const other = `${name}, ${clients} clients: ${answer.answer_level} (${why})`;
      others.set(other, (others.get(other) ?? 0) + 1);
    }
    return tookMs;
  };
  const byModel = KINDS.at(-1);
  // Whoever asks for an earlier answer finds one.
  await round(1, QUESTIONS.length, (agent, client, i) => ask(byModel!, 1, agent, client, i));
  const rows = [];
  for (const { clients, requests } of LOADS) {
    const rounds = KINDS.map(() => [] as Round[]);
    for (let n = 0; n <= ROUNDS; n += 1) {
      const turn = [...KINDS.entries()];
      for (const [j, kind] of n % 2 === 0 ? turn : turn.toReversed()) {
        const took = await round(clients, requests / clients, (agent, client, i) =>
          ask(kind, clients, agent, client, i),
        );
        // The first is for the compiler.
        if (n > 0) rounds[j]!.push(took);
      }
    }
    const figures = rounds.map(figuresOf);
    const [floor] = figures;
    for (const [j, { p50, p99, rate }] of figures.entries())
      rows.push([
        clients,
        KINDS[j]!.name,
        ...[p50, p99].map((ms) => fixed(ms, 2)),
        fixed(rate, 0),
        fixed(p50 / floor!.p50, 1),
      ]);
  }
  const head = ['clients', 'what', 'p50 ms', 'p99 ms', 'requests/s', 'times the p50 of the floor'];
  process.stdout.write(`${table(head, rows)}\n`);
  for (const [other, times] of others) process.stdout.write(`\nNot as measured: ${times} × ${other}\n`);
} finally {
  await started.stop();
}
