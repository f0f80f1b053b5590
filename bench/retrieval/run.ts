import MiniSearch from 'minisearch';
import { Answerer } from '#service/features/answers/answers.service.js';
import { type Mode, Search } from '#service/features/search/search.service.js';
import { Database } from '#service/platform/database/database.js';
import { fixed, table } from '../support/figures.ts';
import { ingest, type Service, service } from '../support/service.ts';
import { readCorpus } from './corpora.ts';
import { type Question, type QuestionSet, questions, unanswerable } from './questions.ts';

// How well passages are found and questions answered, without any model. `npm run bench:retrieval -- report`
const BUSINESS = 'bench';
const DEPTH = 10;
const scope = { businessId: BUSINESS, collection: 'documents', filter: {} };

interface ChunkRow {
  id: string;
  document: string;
  context: string;
  text: string;
}

/** The ids of the chunks that hold the passage: one, or two where it was cut in the middle. */
function gold(question: Question, chunks: readonly ChunkRow[]): Set<string> {
  const inDocument = chunks.filter((chunk) => chunk.document === question.document);
  const whole = inDocument.filter((chunk) => chunk.text.includes(question.passage));
  const parts =
    whole.length > 0 ? whole : inDocument.filter((chunk) => holdsHalf(chunk.text, question.passage));
  if (parts.length === 0) throw new Error(`No chunk holds the passage of ${question.id}`);
  return new Set(parts.map((chunk) => chunk.id));
}

function holdsHalf(text: string, passage: string): boolean {
  const half = Math.floor(passage.length / 2);
  return text.includes(passage.slice(0, half)) || text.includes(passage.slice(half));
}

interface Score {
  r1: number;
  r5: number;
  r10: number;
  mrr: number;
  documentR5: number;
}

type Ranked = { id: string; document: string }[];

async function score(
  set: readonly Question[],
  chunks: readonly ChunkRow[],
  rank: (q: string) => Promise<Ranked>,
): Promise<Score> {
  const sum: Score = { r1: 0, r5: 0, r10: 0, mrr: 0, documentR5: 0 };
  for (const question of set) {
    const right = gold(question, chunks);
    const ranked = await rank(question.question);
    const at = ranked.findIndex(({ id }) => right.has(id));
    if (at === 0) sum.r1 += 1;
    if (at >= 0 && at < 5) sum.r5 += 1;
    if (at >= 0) sum.r10 += 1;
    if (at >= 0) sum.mrr += 1 / (at + 1);
    if (ranked.slice(0, 5).some(({ document }) => document === question.document)) sum.documentR5 += 1;
  }
  for (const key of Object.keys(sum) as (keyof Score)[]) sum[key] /= set.length;
  return sum;
}

/** minisearch as its manual shows it, over the same chunks with the same context. */
function minisearch(chunks: readonly ChunkRow[]) {
  const index = new MiniSearch<ChunkRow>({ fields: ['context', 'text'], storeFields: ['document'] });
  index.addAll(chunks);
  return async (query: string): Promise<Ranked> =>
    index
      .search(query)
      .slice(0, DEPTH)
      .map((hit) => ({ id: String(hit.id), document: String(hit['document']) }));
}

function ours({ app }: Service, mode: Mode, chunks: readonly ChunkRow[]) {
  const search = app.get(Search);
  const documentOf = new Map(chunks.map((chunk) => [chunk.id, chunk.document]));
  return async (query: string): Promise<Ranked> => {
    const { hits } = await search.find(query, mode, scope, DEPTH);
    return hits.map((hit) => ({ id: hit.chunk_id, document: documentOf.get(hit.chunk_id)! }));
  };
}

/** How many questions are answered at all, how many of the answers quote the right passage, and what is left unanswered. */
async function answering(
  { app }: Service,
  set: QuestionSet,
  asked: readonly Question[],
  chunks: readonly ChunkRow[],
) {
  const answerer = app.get(Answerer);
  let answered = 0;
  let right = 0;
  for (const question of asked) {
    const { citations } = await answerer.answer({ question: question.question, scope, limit: 6, web: false });
    if (citations.length > 0) answered += 1;
    const wanted = gold(question, chunks);
    if (citations.some((citation) => wanted.has(citation.chunk_id ?? ''))) right += 1;
  }
  const refused = { far: 0, near: 0 };
  const none = unanswerable(set);
  for (const { question, distance } of none) {
    const { citations } = await answerer.answer({ question, scope, limit: 6, web: false });
    if (citations.length === 0) refused[distance] += 1;
  }
  const of = (distance: 'far' | 'near') => none.filter((q) => q.distance === distance).length;
  return [
    ['answered, of those the documents answer', `${answered} / ${asked.length}`],
    ['… with the right passage cited', `${right} / ${asked.length}`],
    ['declined, of those far from the documents', `${refused.far} / ${of('far')}`],
    ['declined, of those near to them', `${refused.near} / ${of('near')}`],
  ];
}

const set: QuestionSet = process.argv[2] === 'report' ? 'report' : 'dev';
const running = await service();
try {
  const manuals = [...readCorpus()];
  const took = await ingest(
    running,
    manuals.map(({ id, title, text }) => ({
      title,
      content: text,
      contentType: 'text/markdown' as const,
      collection: 'documents',
      externalId: id,
      metadata: {},
    })),
  );
  const chunks = await running.app
    .get(Database)
    .query<ChunkRow>(
      'read the chunks',
      'select c.id, d.external_id as document, c.context, c.text from chunks c join documents d on d.id = c.document_id',
    );
  const asked = questions(set);
  const systems: [string, (q: string) => Promise<Ranked>][] = [
    ['minisearch', minisearch(chunks)],
    ['keyword', ours(running, 'keyword', chunks)],
    ['vector (hashing)', ours(running, 'vector', chunks)],
    ['hybrid', ours(running, 'hybrid', chunks)],
  ];
  process.stdout.write(
    `${asked.length} questions (${set}) over ${chunks.length} chunks of ${manuals.length} manuals; `,
  );
  process.stdout.write(`ingested in ${fixed(took.tookMs / 1_000, 1)} s\n\n`);
  const rows: (string | number)[][] = [];
  for (const [name, rank] of systems) {
    const s = await score(asked, chunks, rank);
    rows.push([name, fixed(s.r1), fixed(s.r5), fixed(s.r10), fixed(s.mrr), fixed(s.documentR5)]);
  }
  process.stdout.write(`${table(['system', 'R@1', 'R@5', 'R@10', 'MRR@10', 'document R@5'], rows)}\n\n`);
  process.stdout.write(`${table(['answers', set], await answering(running, set, asked, chunks))}\n`);
} finally {
  await running.close();
}
