import { createHash } from 'node:crypto';
import { type Database, type Transaction, type WorkOptions } from '../../src/platform/database/database.js';
import { KeysRepository } from '../../src/features/keys/keys.repository.js';
import { ChatRepository } from '../../src/features/chat/chat.repository.js';
import { EscalationsRepository } from '../../src/features/chat/escalations.repository.js';
import { GenerationRepository } from '../../src/features/generation/generation.repository.js';
import { DocumentsRepository } from '../../src/features/knowledge/documents.repository.js';
import { IngestionRepository } from '../../src/features/knowledge/ingestion.repository.js';
import { JobDescriptionsRepository } from '../../src/features/interviews/job-descriptions.repository.js';
import { QuestionsRepository } from '../../src/features/interviews/questions.repository.js';
import { ContentsRepository } from '../../src/features/recommendations/contents.repository.js';
import { UserPatternsRepository } from '../../src/features/recommendations/user-patterns.repository.js';
import { PassagesRepository } from '../../src/features/search/passages.repository.js';
import { derivedId, newId } from '../../src/kernel/ids.js';
import type { VectorStore } from '../../src/platform/vector-store/vector-store.js';

/**
 * A database to which somebody else's request has come: whatever tenant a repository names in its statements, and it may
 * be the wrong one, the work is done for this one.
 */
export function workingFor(businessId: string, database: Database): Database {
  const transaction = <T>(operation: string, work: (tx: Transaction) => Promise<T>, options?: WorkOptions) =>
    database.transaction(operation, work, { ...options, businessId });
  return Object.assign(Object.create(database) as Database, { transaction });
}

/** Every table that knows of tenants, and whether it keeps them apart. */
export const TABLES = `select c.oid::regclass::text as name, c.relrowsecurity and c.relforcerowsecurity
    and exists (select from pg_policy p where p.polrelid = c.oid and p.polqual is not null and p.polwithcheck is not null)
    and (select count(*) from pg_policy p where p.polrelid = c.oid) = 1 as separated
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'business_id'
  where c.relkind in ('r', 'p') and c.relname <> 'tenants' order by 1`;

/**
 * What a tenant has, as ids: a document, which is a question as well, its version and the words that are in it; a job that
 * the question was suggested for; and a pattern of a user who liked it.
 */
export interface Possession {
  id: string;
  version: number;
  chunk: string;
  job: string;
  pattern: string;
}

const TEXT = 'the lamp burns colza oil';

const keyId = (documentId: string) => derivedId(documentId, 'key');
const keyHash = (documentId: string) => createHash('sha256').update(documentId).digest();

/** Stores a document with one chunk, an API key and, where vectors can be kept, its point. */
export async function possess(
  database: Database,
  businessId: string,
  vectors?: VectorStore,
): Promise<Possession> {
  const documents = new DocumentsRepository(database);
  const stored = await database.transaction('store', (tx) => documents.store(tx, newDocument(businessId)), {
    businessId,
  });
  const key = { name: 'k', lastFour: 'abcd', scopes: ['read' as const], lifeS: null };
  const ofKey = { ...key, id: keyId(stored.id), hash: keyHash(stored.id) };
  await database.transaction('store', (tx) => new KeysRepository(database).store(tx, businessId, ofKey), {
    businessId,
  });
  const chunk = derivedId(stored.id, stored.version, 0);
  await vectors?.upsert('fuzzed', [pointOf(businessId, stored.id, chunk)]);
  await possessTexts(database, businessId, stored.id);
  return { ...stored, chunk, ...(await possessMore(database, businessId, stored.id)) };
}

const QUESTION = {
  text: 'What does the lamp burn?',
  category: 'Lamps',
  difficulty: 'easy',
  required_skills: ['trimming'],
  compatible_roles: [],
  source: 'stored',
  model: null,
} as const;
const WANTED = { role: 'Keeper', difficulty: undefined };
const USER = 'ada';
const NOBODY = { userId: 'nobody', seen: [] };

/** Makes a question of a document, suggests it for a job, and has a user like it. */
async function possessMore(database: Database, businessId: string, id: string) {
  const [job, pattern] = [newId(), newId()];
  const questions = new QuestionsRepository(database);
  await database.transaction(
    'store',
    async (tx) => {
      const description = { id: job, role: 'Keeper', description: TEXT, metadata: {} };
      await new JobDescriptionsRepository(database).store(tx, businessId, description);
      await questions.store(tx, businessId, [
        { ...QUESTION, required_skills: [...QUESTION.required_skills], compatible_roles: [], id },
      ]);
      await questions.note(tx, businessId, job, [id]);
      const liked = { id: pattern, user_id: USER, pattern_data: {} };
      await new UserPatternsRepository(database).store(tx, businessId, liked, new Map([[id, 'liked']]));
    },
    { businessId },
  );
  return { job, pattern };
}

const of = (what: string, documentId: string) => derivedId(documentId, what);
const FACTS = {
  citations: [],
  answer_level: 'full',
  retrieval: 'hybrid',
  degraded_because: [],
  verified: true,
  model: 'model',
  usage: null,
  truncated: false,
} as const;
const GENERATED = { ...FACTS, citations: [], degraded_because: [], learned_from: [] };

/** Generates something that is judged, and says something that is escalated: as ids that the document's tells. */
async function possessTexts(database: Database, businessId: string, id: string): Promise<void> {
  const generations = new GenerationRepository(database);
  const chat = new ChatRepository(database);
  const sessionId = of('session', id);
  await database.transaction(
    'store',
    async (tx) => {
      const generation = { content_type: 'news', topic: TEXT, voice: 'dry', content: TEXT, ...GENERATED };
      await generations.store(tx, businessId, { id: of('generation', id), ...generation });
      const judgement = { approved: true, score: 9, comment: TEXT };
      const about = { id: newId(), generationId: of('generation', id), judgement };
      await generations.judge(tx, businessId, about);
      await chat.open(tx, businessId, { id: sessionId, userId: USER, metadata: {} });
      await chat.exchange(tx, businessId, sessionId, {
        messageId: newId(),
        content: TEXT,
        reply: {
          message_id: of('reply', id),
          content: TEXT,
          intent: { name: 'question', confidence: 1, by: 'rules' },
          ...FACTS,
          citations: [],
          degraded_because: [],
          escalation: null,
        },
        answered: true,
      });
      const escalation = { sessionId, reason: 'requested', slaS: 60 };
      await new EscalationsRepository(database).add(tx, businessId, escalation);
    },
    { businessId },
  );
}

export const newDocument = (businessId: string) => ({
  id: newId(),
  businessId,
  collection: 'fuzzed',
  externalId: undefined,
  title: 'Lighthouse',
  metadata: { of: businessId },
  source: {
    contentType: 'text/plain' as const,
    content: TEXT,
    contentSha256: '',
    chunks: [{ position: 0, start: 0, end: TEXT.length, headings: [], text: TEXT }],
  },
});

export const pointOf = (businessId: string, documentId: string, chunkId: string) => ({
  id: derivedId(documentId, 1, 0),
  vector: Float32Array.of(1, 0, 0),
  payload: {
    business_id: businessId,
    document_id: documentId,
    version: 1,
    chunk_id: chunkId,
    title: '',
    text: '',
    start: 0,
    end: 0,
    metadata: {},
  },
});

/**
 * Everything that a repository can be asked, by name. `named` is the tenant that it is told, `of` what the question is about.
 * @returns what was seen or changed: nothing, where the database keeps tenants apart
 */
export function questions(
  database: Database,
  vectors?: VectorStore,
): Record<string, (named: string, of: Possession) => Promise<unknown[]>> {
  const documents = new DocumentsRepository(database);
  const ingestion = new IngestionRepository(database);
  const passages = new PassagesRepository(database);
  const keys = new KeysRepository(database);
  const interviews = new QuestionsRepository(database);
  const jobs = new JobDescriptionsRepository(database);
  const patterns = new UserPatternsRepository(database);
  const contents = new ContentsRepository(database);
  const generations = new GenerationRepository(database);
  const chat = new ChatRepository(database);
  const escalations = new EscalationsRepository(database);
  const scope = (businessId: string) => ({ businessId, collection: 'fuzzed', filter: {} });
  const some = (value: unknown) => (value === undefined || value === false ? [] : [value]);
  const within = <T>(named: string, work: (tx: Transaction) => Promise<T>) =>
    database.transaction('change', work, { businessId: named });
  return {
    find: async (named, { id }) => some(await documents.find(named, id)),
    content: async (named, { id }) => some(await documents.content(named, id)),
    list: (named) => documents.list(named, { limit: 100 }),
    chunks: (named, { id, version }) => documents.chunks(named, id, version, 0, 10),
    remove: async (named, { id }) => some(await within(named, (tx) => documents.remove(tx, named, id))),
    requeue: async (named, { id }) =>
      some(await within(named, (tx) => documents.requeue(tx, named, id, true))),
    begin: async (named, { id, version }) => some(await ingestion.begin(named, id, version, false)),
    currentVersion: async (named, { id }) => some(await ingestion.currentVersion(named, id)),
    findKey: async (named, { id }) => some(await keys.find(named, keyHash(id), 10_000)),
    listKeys: (named) => keys.list(named, { limit: 100 }),
    takeKey: async (named, { id }) => some(await within(named, (tx) => keys.take(tx, named, keyId(id)))),
    revokeKey: async (named, { id }) => some(await within(named, (tx) => keys.revoke(tx, named, keyId(id)))),
    question: async (named, { id }) => some(await interviews.find(named, id)),
    questions: (named) => interviews.list(named, { limit: 100 }),
    fitting: async (named, { id }) => [...(await interviews.fitting(named, WANTED, [id])).values()],
    popularQuestions: (named) => interviews.popular(named, WANTED, [], 100),
    byText: (named) => within(named, (tx) => interviews.byText(tx, named, [QUESTION.text])),
    hold: async (named, { id }) => some(await within(named, (tx) => interviews.hold(tx, named, id))),
    job: async (named, { job }) => some(await jobs.find(named, job)),
    holdJob: async (named, { job }) => some(await within(named, (tx) => jobs.hold(tx, named, job))),
    removeJob: async (named, { job }) => some(await within(named, (tx) => jobs.remove(tx, named, job))),
    pattern: async (named, { pattern }) => some(await patterns.find(named, pattern)),
    patterns: (named) => patterns.list(named, { userId: USER, limit: 100 }),
    removePattern: async (named, { pattern }) => some(await patterns.remove(named, pattern)),
    seen: async (named) => some((await contents.seenBy(named, USER)) > 0),
    liked: (named) => contents.likedBy(scope(named), USER, [], 100),
    unseen: async (named, { id }) => [...(await contents.unseen(scope(named), NOBODY, [id])).values()],
    popularContents: (named) => contents.popular(scope(named), NOBODY, [], 100),
    generation: async (named, { id }) => some(await generations.find(named, of('generation', id))),
    judged: (named) => generations.judged(named, 'news'),
    judge: async (named, { id }) => {
      const judgement = { approved: false, score: 0, comment: '' };
      const about = { id: newId(), generationId: of('generation', id), judgement };
      return some(await within(named, (tx) => generations.judge(tx, named, about)));
    },
    tally: async (named) => some((await generations.tally(named, undefined)).generations > 0),
    session: async (named, { id }) => some(await chat.find(named, of('session', id))),
    conversation: async (named, { id }) => some(await chat.conversation(named, of('session', id))),
    messages: (named, { id }) => chat.messages(named, of('session', id), undefined, 100),
    escalation: async (named, { id }) => some(await escalations.ofSession(named, of('session', id))),
    escalations: (named) => escalations.list(named, { status: undefined, after: undefined, limit: 100 }),
    knowledge: (named) =>
      within(named, (tx) =>
        tx.query('select version from knowledge_versions where business_id = $1 and collection = $2', [
          named,
          'fuzzed',
        ]),
      ),
    byWords: (named) => passages.byWords('What does the lamp burn?', scope(named), 100),
    current: async (named, { chunk }) => [...(await passages.current([chunk], scope(named))).values()],
    ...(vectors !== undefined && {
      nearest: (named: string) =>
        vectors.nearest('fuzzed', { businessId: named, vector: Float32Array.of(1, 0, 0), limit: 100 }),
      countPoints: async (named: string) =>
        Array.from({ length: await vectors.count('fuzzed', { businessId: named }) }),
      removePoints: async (named: string, { id }: Possession) => {
        await vectors.remove('fuzzed', { businessId: named, documentId: id });
        return [];
      },
    }),
  };
}
