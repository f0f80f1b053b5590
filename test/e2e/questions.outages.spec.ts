import pg from 'pg';
import { Removals } from '../../src/features/knowledge/removals.js';
import { Dependencies } from '../../src/resilience/dependencies.js';
import { boot, type Booted } from '../support/boot.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { aQuestion, ask, type SentQuestion } from '../support/interviews.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { type QdrantDouble, startQdrant } from '../support/qdrant.js';

const PATIENCE = { timeoutMs: 30_000, everyMs: 50 };
const ROLE = 'Lighthouse Keeper';
const DESCRIPTION = 'Trim the wick, polish the Fresnel lens, and sound the horn in fog.';

/** What the model writes: as many as it was asked for, with two among them that are of no use. */
function writes(prompt: string): string {
  const [, count, difficulty] = /Which (\d+) (easy|medium|hard)? ?questions/.exec(prompt)!;
  const about = /\[1\] [^\n]*\n([^\n.]*)/.exec(prompt)![1];
  const question = (text: string) => ({
    text,
    category: 'Written',
    difficulty: difficulty ?? 'easy',
    required_skills: ['Fresnel lens'],
  });
  const good = Array.from({ length: Number(count) }, (_, n) =>
    question(`Written question ${n} about ${about}?`),
  );
  const bad = [{ ...question('Of which difficulty is this one?'), difficulty: 'extreme' }, question('')];
  return `Here they are:\n${JSON.stringify({ basis: [1], questions: [...bad, ...good] })}`;
}

// The service on a PostgreSQL server, a Qdrant server and a provider of models, of which one after the other is away.
describeWithPostgres('Suggestions of questions', () => {
  let server: PostgresServer;
  let qdrant: QdrantDouble;
  let provider: Provider;
  let service: Booted;
  let url: string;

  beforeAll(async () => {
    server = await PostgresServer.start();
    qdrant = await startQdrant();
    provider = await startProvider({ dimension: 256, says: writes });
    url = await server.newDatabase();
    service = await boot({
      DATABASE_URL: url,
      QDRANT_URL: qdrant.url,
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_MODEL: 'large',
      ONLY_EMBEDDING_MODEL: 'embedding',
      ONLY_EMBEDDING_DIMENSION: '256',
      // Fifty at once on a busy machine wait for a connection longer than users should.
      DB_ACQUIRE_TIMEOUT_MS: '10000',
      EMBEDDING_CACHE_SIZE: '0',
      // A machine that is busy is no outage.
      EMBEDDING_TIMEOUT_MS: '10000',
      VECTOR_SEARCH_TIMEOUT_MS: '10000',
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MIN_MS: '100',
      CIRCUIT_BACKOFF_MAX_MS: '500',
    });
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await Promise.all([provider?.stop(), qdrant?.stop(), server?.stop()]);
  });
  beforeEach(async () => {
    qdrant.behave();
    await provider.behave(undefined);
    await eventuallyHolds(async () => {
      for (const name of ['llm.only', 'embeddings.only', 'vector_store'])
        service.app.get(Dependencies).get(name)!.reset();
      const { body } = await service.api('GET', '/api/v1/health/readiness');
      expect(Object.values<{ status: string }>(body.checks).map(({ status }) => status)).not.toContain(
        'down',
      );
    }, PATIENCE);
    provider.requests.length = 0;
  }, 60_000);

  const suggest = (business_id: string, body: object = {}, headers: Record<string, string> = {}) =>
    service.api(
      'POST',
      '/api/v1/questions/suggestions',
      { job_description: DESCRIPTION, role: ROLE, business_id, count: 2, ...body },
      headers,
    );
  const textsOf = ({ body }: { body: { suggestions: { text: string }[] } }) =>
    body.suggestions.map(({ text }) => text);

  const WICK = 'How do you trim a wick?';
  const LENS = 'How do you polish a lens?';
  /** Two questions about the job and one about something else, all of them embedded. */
  const fill = async (business_id: string, ...more: SentQuestion[]) => {
    const about = { business_id, required_skills: [], compatible_roles: [ROLE], category: 'Keeping' };
    await ask(
      service.api,
      aQuestion({ ...about, text: WICK }),
      aQuestion({ ...about, text: LENS, difficulty: 'hard' }),
      aQuestion({ ...about, text: 'Quid pro quo?', category: 'Latin' }),
      ...more,
    );
    await eventually(async () => {
      const { body } = await service.api('GET', `/api/v1/documents?status=ready&business_id=${business_id}`);
      return body.data.length === 3 + more.length;
    }, PATIENCE);
  };

  it('are found by vectors and words, respect role and difficulty, and ask no model where there are enough', async () => {
    await fill(
      'well',
      aQuestion({
        business_id: 'well',
        text: 'How do you polish a lens, officer?',
        compatible_roles: ['Officer'],
      }),
    );
    const reply = await suggest('well');
    expect(reply).toMatchObject({
      status: 200,
      body: {
        retrieval: 'hybrid',
        degraded_because: [],
        verified: true,
        suggestions: [
          { source: 'stored', found_by: 'hybrid' },
          { source: 'stored', found_by: 'hybrid' },
        ],
      },
    });
    expect(textsOf(reply).toSorted()).toEqual([LENS, WICK]);
    expect(textsOf(await suggest('well', { difficulty: 'hard', count: 1 }))).toEqual([LENS]);
    expect(provider.of('chat')).toEqual([]);
  });

  it('go by words while Qdrant is dead, and say so', async () => {
    await fill('no-vectors');
    await qdrant.stop();
    try {
      const reply = await suggest('no-vectors');
      expect(reply.body).toMatchObject({
        retrieval: 'keyword',
        degraded_because: [{ dependency: 'vector_store', reason: expect.any(String) }],
      });
      expect(textsOf(reply).toSorted()).toEqual([LENS, WICK]);
    } finally {
      await qdrant.start();
    }
  });

  it('go by words while nobody embeds, and say so', async () => {
    await fill('no-embedder');
    await provider.behave({ kind: 'status', status: 500, on: ['embeddings'] });
    const reply = await suggest('no-embedder');
    expect(reply.body).toMatchObject({
      retrieval: 'keyword',
      degraded_because: [{ dependency: 'embeddings.only', reason: expect.any(String) }],
    });
    expect(textsOf(reply).toSorted()).toEqual([LENS, WICK]);
  });

  it('are the popular ones where the vectors are away and no word matches', async () => {
    await fill('popular');
    await suggest('popular', { job_description: 'Quid pro quo.', count: 1 });
    await qdrant.stop();
    try {
      const reply = await suggest('popular', {
        job_description: 'Xyzzy.',
        role: ROLE.toUpperCase(),
        count: 3,
      });
      expect(reply.body).toMatchObject({
        retrieval: 'popular',
        degraded_because: [{ dependency: 'vector_store', reason: expect.any(String) }],
      });
      expect(textsOf(reply)).toEqual(['Quid pro quo?', LENS, WICK]);
      expect(reply.body.suggestions[0].reason).toContain('Suggested for 1 job so far');
    } finally {
      await qdrant.start();
    }
  });

  it('are written by the model where there are too few, stored, and marked for good', async () => {
    await fill('few');
    const reply = await suggest('few', { count: 3, difficulty: 'hard' });
    expect(reply.body).toMatchObject({
      total_questions: 3,
      degraded_because: [],
      suggestions: [
        { text: LENS, source: 'stored' },
        {
          source: 'generated',
          found_by: 'generated',
          difficulty: 'hard',
          compatible_roles: [ROLE],
          score: 0,
        },
        { source: 'generated', reason: expect.stringContaining('Written by the model large for this job') },
      ],
    });
    expect(reply.body.suggestions[1].reason).toContain(
      'asks for Fresnel lens, which the job description names',
    );
    const [, first] = reply.body.suggestions;
    const stored = await service.api('GET', `/api/v1/questions/${first.question_id}?business_id=few`);
    expect(stored.body).toMatchObject({ text: first.text, source: 'generated', model: 'large' });
    expect(provider.of('chat')).toHaveLength(1);

    const again = await suggest('few', { count: 3, difficulty: 'hard' });
    const ids = (one: typeof reply) =>
      one.body.suggestions.map((s: { question_id: string }) => s.question_id).toSorted();
    expect(ids(again)).toEqual(ids(reply));
    const marked = again.body.suggestions.filter((s: { source: string }) => s.source === 'generated');
    expect(marked).toHaveLength(2);
    for (const { found_by, reason } of marked) {
      expect(found_by).not.toBe('generated');
      expect(reason).toContain('written by the model large');
    }
    expect(provider.of('chat')).toHaveLength(1);
  });

  it.each([
    ['is dead', { kind: 'refuse' } as const],
    ['answers with errors', { kind: 'status', status: 500, on: ['chat'] } as const],
    ['hangs', { kind: 'hang', at: 'headers', on: ['chat'] } as const],
    ['says nothing', { kind: 'empty' } as const],
    ['stops in the middle', { kind: 'cut', afterTokens: 9, how: 'rst' } as const],
  ])('are what there is while the model %s, within the deadline, and that is said', async (what, fault) => {
    const business_id = `model-${what.replaceAll(' ', '-')}`;
    await fill(business_id);
    await provider.behave(fault);
    const reply = await suggest(business_id, { count: 5 }, { 'X-Request-Timeout-Ms': '8000' });
    expect(reply).toMatchObject({ status: 200, body: { total_questions: 3 } });
    expect(reply.body.degraded_because).toContainEqual({
      dependency: 'llm.only',
      reason: expect.any(String),
    });
    expect(reply.body.suggestions.map((s: { source: string }) => s.source)).toEqual([
      'stored',
      'stored',
      'stored',
    ]);
  });

  it('are what there is where the new ones cannot be stored, and that is said', async () => {
    await fill('locked');
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    try {
      const lock = JSON.stringify(['generated questions', 'locked']);
      await holder.query('select pg_advisory_lock(hashtextextended($1, 0))', [lock]);
      const reply = await suggest('locked', { count: 5 });
      expect(reply).toMatchObject({ status: 200, body: { total_questions: 3 } });
      expect(reply.body.degraded_because).toContainEqual({
        dependency: 'database',
        reason: expect.any(String),
      });
      expect(provider.of('chat')).not.toEqual([]);
    } finally {
      await holder.end();
    }
    expect((await suggest('locked', { count: 5 })).body).toMatchObject({
      total_questions: 5,
      degraded_because: [],
    });
  });

  it('come from the index alone while the database is dead, unverified, and of the role and difficulty all the same', async () => {
    const theirs = aQuestion({
      business_id: 'no-database',
      text: 'How do officers trim a wick?',
      compatible_roles: ['Officer'],
    });
    await fill('no-database', theirs);
    const stored = await service.api('POST', '/api/v1/job-descriptions', {
      business_id: 'no-database',
      job_description: DESCRIPTION,
      role: ROLE,
    });
    await eventually(() => service.app.get(Removals).done, PATIENCE);
    await server.kill();
    try {
      const reply = await suggest('no-database', { count: 5 });
      expect(reply).toMatchObject({
        status: 200,
        body: { job_id: null, verified: false, retrieval: 'vector' },
      });
      expect(reply.body.degraded_because).toContainEqual({
        dependency: 'database',
        reason: expect.any(String),
      });
      expect(textsOf(reply)).toHaveLength(3);
      expect(textsOf(reply)).not.toContain(theirs.text);
      expect(textsOf(await suggest('no-database', { difficulty: 'hard' }))).toEqual([LENS]);
      const byId = { business_id: 'no-database', job_id: stored.body.job_id };
      expect(await service.api('POST', '/api/v1/questions/suggestions', byId)).toMatchObject({
        status: 503,
        body: { code: 'dependency_unavailable' },
      });
    } finally {
      await server.restart();
    }
    await eventuallyHolds(
      async () => expect((await suggest('no-database')).body).toMatchObject({ verified: true }),
      PATIENCE,
    );
  }, 90_000);

  it('all complete for fifty at once of one business, who pay a model for the same ones once', async () => {
    await fill('many');
    // Nobody is so late that it is written already.
    await provider.behave({ kind: 'slow', firstTokenMs: 1_500, on: ['chat'] });
    const replies = await Promise.all(Array.from({ length: 50 }, () => suggest('many', { count: 5 })));
    const sets = replies.map(({ status, body }) => {
      expect(status).toBe(200);
      expect(body.total_questions).toBe(5);
      return body.suggestions
        .map((s: { question_id: string }) => s.question_id)
        .toSorted()
        .join();
    });
    expect(new Set(sets).size).toBe(1);
    // On a busy machine one may have looked just before they were stored, and asked just after.
    expect(provider.of('chat').length).toBeLessThan(10);
    const { body } = await service.api('GET', '/api/v1/questions?business_id=many&source=generated');
    expect(body.data).toHaveLength(2);
  }, 60_000);

  it('are written for whoever waits when the one who had them written goes away', async () => {
    await fill('gone');
    provider.requests.length = 0;
    await provider.behave({ kind: 'slow', firstTokenMs: 1_000, on: ['chat'] });
    const leaving = new AbortController();
    const left = fetch(`${service.url}/api/v1/questions/suggestions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ job_description: DESCRIPTION, role: ROLE, business_id: 'gone', count: 5 }),
      signal: leaving.signal,
    }).catch((error: Error) => error.name);
    await eventually(() => provider.of('chat').length === 1, { everyMs: 5 });
    const waiting = suggest('gone', { count: 5 });
    await eventually(() => provider.of('embeddings').length === 2, { everyMs: 5 });
    leaving.abort();
    expect(await left).toBe('AbortError');
    expect((await waiting).body).toMatchObject({ total_questions: 5, degraded_because: [] });
  });

  it('all complete for fifty at once with jobs of their own', async () => {
    await fill('various');
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        suggest('various', { job_description: `${DESCRIPTION} Shift ${n}.`, count: 3 }),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(new Set(replies.map(({ body }) => body.job_id)).size).toBe(50);
    for (const { body } of replies) expect(body.total_questions).toBe(3);
    const { body } = await service.api('GET', '/api/v1/questions?business_id=various');
    expect(body.data.map((q: { times_suggested: number }) => q.times_suggested)).toEqual([50, 50, 50]);
  }, 60_000);
});
