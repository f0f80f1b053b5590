import { setTimeout as wait } from 'node:timers/promises';
import { Search } from '#service/features/search/search.service.js';
import { PassagesRepository } from '#service/features/search/passages.repository.js';
import { Database } from '#service/platform/database/database.js';
import { fixed, quantile, table } from './support/figures.ts';
import { ingest, type Service, service } from './support/service.ts';
import { type Manual, readCorpus } from './retrieval/corpora.ts';
import { questions } from './retrieval/questions.ts';

// Ingest end to end on the embedded engine, then search at 10 000 chunks beside the same statement sent directly.
// `npm run bench:ingest`
const CHUNKS = 2_000;
const CHUNKS_LARGE = 10_000;
const scope = { businessId: 'bench', collection: 'documents', filter: {} };

const submission = ({ title, text }: Manual, copy: number) => ({
  title,
  content: copy === 0 ? text : `Copy ${copy} of this manual.\n\n${text}`,
  contentType: 'text/markdown' as const,
  collection: 'documents',
  metadata: { copy },
});

async function chunkCount({ app }: Service): Promise<number> {
  const [row] = await app
    .get(Database)
    .query<{ n: number }>('count chunks', 'select count(*)::int as n from chunks');
  return row!.n;
}

/** Ingests manuals, over and over with a different beginning, until there are so many chunks. */
async function fill(running: Service, wanted: number, from: { copy: number; at: number }) {
  const manuals = [...readCorpus()];
  let tookMs = 0;
  let acceptedMs = 0;
  while ((await chunkCount(running)) < wanted) {
    const batch = manuals.slice(from.at, from.at + 10).map((manual) => submission(manual, from.copy));
    const took = await ingest(running, batch);
    tookMs += took.tookMs;
    acceptedMs += took.acceptedMs;
    from.at += 10;
    if (from.at >= manuals.length) Object.assign(from, { at: 0, copy: from.copy + 1 });
  }
  return { tookMs, acceptedMs };
}

async function latencies(
  queries: readonly string[],
  search: (query: string) => Promise<unknown>,
): Promise<number[]> {
  const took: number[] = [];
  for (const query of queries) {
    const startedMs = performance.now();
    await search(query);
    took.push(performance.now() - startedMs);
  }
  return took;
}

const running = await service({ EMBEDDING_CACHE_SIZE: '0' });
try {
  const rssMb = () => process.memoryUsage().rss / 1_048_576;
  const atRestMb = rssMb();
  const from = { copy: 0, at: 0 };
  const small = await fill(running, CHUNKS, from);
  const chunks = await chunkCount(running);
  const afterMb = rssMb();
  process.stdout.write(
    `${table(
      ['ingest', 'figure'],
      [
        ['chunks', chunks],
        ['accepted (202) after, s', fixed(small.acceptedMs / 1_000, 1)],
        ['ready after, s', fixed(small.tookMs / 1_000, 1)],
        ['chunks/s, end to end', fixed(chunks / (small.tookMs / 1_000), 0)],
        ['memory before, MB', fixed(atRestMb, 0)],
        ['memory after, MB', fixed(afterMb, 0)],
      ],
    )}\n\n`,
  );
  await fill(running, CHUNKS_LARGE, from);
  await wait(1_000);
  const search = running.app.get(Search);
  const passages = running.app.get(PassagesRepository);
  const database = running.app.get(Database);
  const asked = [...questions('dev'), ...questions('report')].map((q) => q.question);
  // What the service sends, sent by hand.
  let statement: { sql: string; parameters: readonly unknown[] } | undefined;
  const transaction = database.transaction.bind(database);
  database.transaction = (operation, work, options) =>
    transaction(
      operation,
      (tx) =>
        work({
          query: (sql, parameters) => {
            statement = { sql, parameters: parameters ?? [] };
            return tx.query(sql, parameters);
          },
        }),
      options,
    );
  await passages.byWords('probe', scope, 10);
  database.transaction = transaction;
  const direct = (query: string) =>
    database.query('direct', statement!.sql, statement!.parameters.with(0, query));
  await latencies(asked, direct); // warms up
  const rows = [
    ['the same statement, directly', await latencies(asked, direct)],
    ['keyword', await latencies(asked, (q) => search.find(q, 'keyword', scope, 10))],
    ['vector', await latencies(asked, (q) => search.find(q, 'vector', scope, 10))],
    ['hybrid', await latencies(asked, (q) => search.find(q, 'hybrid', scope, 10))],
  ] as const;
  process.stdout.write(`Search over ${await chunkCount(running)} chunks, ${asked.length} questions\n\n`);
  process.stdout.write(
    `${table(
      ['search', 'p50 ms', 'p99 ms'],
      rows.map(([name, took]) => [name, fixed(quantile(took, 0.5), 1), fixed(quantile(took, 0.99), 1)]),
    )}\n`,
  );
} finally {
  await running.close();
}
