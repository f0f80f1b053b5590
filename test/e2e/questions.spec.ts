import { Questions } from '../../src/features/interviews/questions.service.js';
import { boot, type Booted } from '../support/boot.js';
import { aQuestion, ask } from '../support/interviews.js';

const JOB = {
  job_description: 'We look for somebody who keeps our PostgreSQL fast, writes Go, and explains both.',
  role: 'Backend Engineer',
};

// On the embedded engine, with no model: what can be said without any server.
describe('Questions', () => {
  let service: Booted;
  beforeAll(async () => {
    service = await boot();
  }, 60_000);
  afterAll(() => service?.close());

  const suggest = (business_id: string, body: object = {}) =>
    service.api('POST', '/api/v1/questions/suggestions', { ...JOB, business_id, ...body });
  const idsOf = ({ body }: { body: { suggestions: { question_id: string }[] } }) =>
    body.suggestions.map(({ question_id: id }) => id);
  const list = async (business_id: string, query = '') =>
    (await service.api('GET', `/api/v1/questions?business_id=${business_id}${query}`)).body;

  it('are stored one at a time or many, and shown as they were sent', async () => {
    const one = await service.api('POST', '/api/v1/questions', aQuestion({ business_id: 'shown' }));
    expect(one).toMatchObject({ status: 201, body: { total_questions: 1 } });
    expect(one.body.question_ids).toEqual([one.body.question_id]);
    const sent = [
      aQuestion({ text: 'What is an index?' }),
      aQuestion({ text: 'What is a lock?', required_skills: [] }),
    ];
    const many = await service.api('POST', '/api/v1/questions?business_id=shown', sent);
    expect(many).toMatchObject({ status: 201, body: { total_questions: 2 } });
    expect(many.body.question_id).toBeUndefined();
    const found = await service.api(
      'GET',
      `/api/v1/questions/${many.body.question_ids[1]}?business_id=shown`,
    );
    expect(found.body).toEqual({
      ...sent[1],
      id: many.body.question_ids[1],
      source: 'stored',
      model: null,
      times_suggested: 0,
      created_at: expect.any(String),
    });
    const first = await list('shown', '&limit=2');
    expect(first.data.map(({ id }: { id: string }) => id)).toEqual(many.body.question_ids.toReversed());
    const second = await list('shown', `&limit=2&cursor=${first.next_cursor}`);
    expect(second).toMatchObject({ data: [{ id: one.body.question_id }], next_cursor: null });
  });

  it('are listed by category, difficulty, role, skill and source', async () => {
    const ids = await ask(
      service.api,
      aQuestion({
        business_id: 'listed',
        category: 'Databases',
        difficulty: 'easy',
        required_skills: ['SQL'],
      }),
      aQuestion({
        business_id: 'listed',
        text: 'Which of two?',
        category: 'Design',
        difficulty: 'hard',
        compatible_roles: [],
      }),
    );
    const of = async (query: string) =>
      (await list('listed', query)).data.map(({ id }: { id: string }) => id);
    expect(await of('&category=Design')).toEqual([ids[1]]);
    expect(await of('&difficulty=easy')).toEqual([ids[0]]);
    expect(await of('&skill=SQL')).toEqual([ids[0]]);
    expect(await of('&role=backend%20ENGINEER')).toEqual([ids[1], ids[0]]);
    expect(await of('&role=Designer')).toEqual([ids[1]]);
    expect(await of('&source=generated')).toEqual([]);
  });

  it('are stored all or none, and once for a key', async () => {
    const twice = async () =>
      service.api(
        'POST',
        '/api/v1/questions?business_id=once',
        [aQuestion(), aQuestion({ text: 'And why?' })],
        {
          'idempotency-key': 'k',
        },
      );
    const first = await twice();
    expect(first.status).toBe(201);
    expect(await twice()).toMatchObject({ status: 201, body: first.body });
    const other = await service.api('POST', '/api/v1/questions?business_id=once', aQuestion(), {
      'idempotency-key': 'k',
    });
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    const bad = await service.api('POST', '/api/v1/questions?business_id=once', [
      aQuestion(),
      aQuestion({ text: ' ' }),
    ]);
    expect(bad).toMatchObject({ status: 422, body: { errors: [{ path: '1.text' }] } });
    expect((await list('once')).data).toHaveLength(2);
  });

  it('leave neither a document nor a job behind when their rows cannot be written', async () => {
    const good = { ...aQuestion(), required_skills: [], compatible_roles: [], difficulty: 'easy' as const };
    const bad = { ...good, text: 'Of which difficulty?', difficulty: 'extreme' as 'hard' };
    await expect(service.app.get(Questions).accept('neither', [good, bad])).rejects.toMatchObject({
      code: '23514',
    });
    for (const what of ['questions', 'documents', 'jobs'])
      expect((await service.api('GET', `/api/v1/${what}?business_id=neither`)).body.data).toEqual([]);
  });

  it('are documents as well: found by a search, and gone with the document', async () => {
    const [kept, gone] = await ask(
      service.api,
      aQuestion({ business_id: 'documents', text: 'What does a vacuum do?' }),
      aQuestion({ business_id: 'documents', text: 'When is a vacuum harmful?' }),
    );
    const search = async () => {
      const query = { query: 'vacuum', collection: 'questions', business_id: 'documents', mode: 'keyword' };
      const { body } = await service.api('POST', '/api/v1/search', query);
      return body.hits.map((hit: { document_id: string }) => hit.document_id);
    };
    expect(new Set(await search())).toEqual(new Set([kept, gone]));
    expect((await service.api('DELETE', `/api/v1/documents/${gone}?business_id=documents`)).status).toBe(204);
    expect(await search()).toEqual([kept]);
    expect((await service.api('GET', `/api/v1/questions/${gone}?business_id=documents`)).status).toBe(404);
    expect(idsOf(await suggest('documents'))).toEqual([kept]);
  });

  it('are suggested for their roles alone, in any case, and for every role where they name none', async () => {
    const business_id = 'roles';
    const [mine, any, , mixed] = await ask(
      service.api,
      aQuestion({ business_id, compatible_roles: ['backend  engineer '] }),
      aQuestion({ business_id, text: 'Why PostgreSQL?', compatible_roles: [] }),
      aQuestion({ business_id, text: 'PostgreSQL for designers?', compatible_roles: ['Designer'] }),
      aQuestion({ business_id, text: 'Why not Go?', compatible_roles: ['Designer', 'BACKEND ENGINEER'] }),
    );
    const { body } = await suggest(business_id);
    expect(new Set(idsOf({ body }))).toEqual(new Set([mine, any, mixed]));
    expect(body).toMatchObject({ total_questions: 3, job_id: expect.any(String), verified: true });
    expect((await suggest(business_id, { role: 'Engineer' })).body.suggestions).toMatchObject([
      { question_id: any },
    ]);
  });

  it('are suggested in the difficulty that was asked for', async () => {
    const business_id = 'difficulty';
    const ids = await ask(
      service.api,
      ...['easy', 'medium', 'hard'].map((difficulty) =>
        aQuestion({ business_id, difficulty, text: `How ${difficulty}?` }),
      ),
    );
    expect(idsOf(await suggest(business_id, { difficulty: 'hard' }))).toEqual([ids[2]]);
    expect(idsOf(await suggest(business_id))).toHaveLength(3);
  });

  it('say why they are suggested, from what is known of them', async () => {
    const business_id = 'why';
    await ask(
      service.api,
      aQuestion({
        business_id,
        text: 'How does PostgreSQL plan?',
        required_skills: ['PostgreSQL', 'go', 'Ada'],
      }),
      aQuestion({
        business_id,
        text: 'Zebra?',
        category: 'Animals',
        required_skills: [],
        compatible_roles: [],
      }),
    );
    const { body } = await suggest(business_id);
    expect(body.suggestions).toMatchObject([
      {
        found_by: 'hybrid',
        score: expect.any(Number),
        reason:
          'Among the nearest to the job description by words and by vectors; asks for PostgreSQL and go, which the job description names; for the role Backend Engineer.',
      },
      {
        found_by: 'popular',
        score: 0,
        reason: 'Among the newest that fit; suggested for no job yet; for every role.',
      },
    ]);
  });

  it('are those that were suggested for most jobs where nothing in them matches, then the newest', async () => {
    const business_id = 'popular';
    const [first, second, third] = await ask(
      service.api,
      ...['Alpha', 'Beta', 'Gamma'].map((text) =>
        aQuestion({
          business_id,
          text: `${text}?`,
          category: text,
          required_skills: [],
          compatible_roles: [],
        }),
      ),
    );
    const nothing = { job_description: 'Xyzzy.', role: 'Plugh' };
    for (const [i, word] of ['Alpha', 'Alpha', 'Beta'].entries())
      await suggest(business_id, { role: 'Plugh', job_description: `${word}. Xyzzy${i}.`, count: 1 });
    const reply = await suggest(business_id, nothing);
    expect(reply.body).toMatchObject({
      retrieval: 'popular',
      suggestions: [
        { question_id: first, reason: 'Suggested for 2 jobs so far; for every role.' },
        { question_id: second, reason: 'Suggested for 1 job so far; for every role.' },
        { question_id: third },
      ],
    });
    // The same job again counts no more than once.
    for (let i = 0; i < 3; i += 1) await suggest(business_id, nothing);
    const { body } = await service.api('GET', `/api/v1/questions/${third}?business_id=${business_id}`);
    expect(body.times_suggested).toBe(1);
  });

  it('are suggested no more from the moment that they are removed', async () => {
    const business_id = 'removed';
    const [kept, gone] = await ask(
      service.api,
      aQuestion({ business_id }),
      aQuestion({ business_id, text: 'Why is PostgreSQL slow?' }),
    );
    expect(idsOf(await suggest(business_id))).toHaveLength(2);
    expect((await service.api('DELETE', `/api/v1/questions/${gone}?business_id=${business_id}`)).status).toBe(
      204,
    );
    expect(idsOf(await suggest(business_id))).toEqual([kept]);
    expect((await service.api('DELETE', `/api/v1/questions/${gone}?business_id=${business_id}`)).status).toBe(
      404,
    );
  });

  it('that are documents and no questions cannot be removed as questions', async () => {
    const document = { title: 'Lamp', content: 'The lamp burns oil.', collection: 'questions' };
    const { body } = await service.api('POST', '/api/v1/documents', document);
    expect((await service.api('DELETE', `/api/v1/questions/${body.id}`)).status).toBe(404);
    expect((await service.api('GET', `/api/v1/documents/${body.id}`)).status).toBe(200);
    const suggested = await suggest('default', { job_description: 'The lamp burns oil.' });
    expect(idsOf(suggested)).not.toContain(body.id);
  });

  it('are fewer than asked for where no model is there, and that is said', async () => {
    const business_id = 'few';
    const [only] = await ask(service.api, aQuestion({ business_id }));
    const reply = await suggest(business_id, { count: 5 });
    expect(reply).toMatchObject({
      status: 200,
      body: {
        suggestions: [{ question_id: only, source: 'stored' }],
        total_questions: 1,
        degraded_because: [{ dependency: 'llm', reason: 'not_installed' }],
      },
    });
    expect((await suggest(business_id, { count: 1 })).body.degraded_because).toEqual([]);
    expect((await suggest('nothing at all')).status).toBe(422);
    expect((await suggest('nothing-at-all')).body).toMatchObject({ suggestions: [], retrieval: 'none' });
  });

  it('are suggested for a job description that was stored, by its id', async () => {
    const business_id = 'jobs';
    const [only] = await ask(service.api, aQuestion({ business_id }));
    const job = { ...JOB, business_id, metadata: { team: 'storage' } };
    const stored = await service.api('POST', '/api/v1/job-descriptions', job, { 'idempotency-key': 'j' });
    expect(stored).toMatchObject({ status: 201, body: { job_id: expect.any(String) } });
    const again = await service.api('POST', '/api/v1/job-descriptions', job, { 'idempotency-key': 'j' });
    expect(again.body).toEqual(stored.body);
    const path = `/api/v1/job-descriptions/${stored.body.job_id}`;
    expect((await service.api('GET', `${path}?business_id=${business_id}`)).body).toEqual({
      ...JOB,
      metadata: { team: 'storage' },
      job_id: stored.body.job_id,
      created_at: expect.any(String),
    });
    expect((await service.api('GET', path)).status).toBe(404);
    const by = (body: object) =>
      service.api('POST', '/api/v1/questions/suggestions', { business_id, ...body });
    const reply = await by({ job_id: stored.body.job_id });
    expect(reply.body).toMatchObject({ job_id: stored.body.job_id, suggestions: [{ question_id: only }] });
    expect((await by({ job_id: stored.body.job_id, role: 'Designer' })).body.suggestions).toEqual([]);
    expect(await by({ job_id: only })).toMatchObject({ status: 404, body: { code: 'not_found' } });
    // The same description is kept once, however often it is asked with.
    const ids = await Promise.all([1, 2, 3].map(async () => (await suggest(business_id)).body.job_id));
    expect(new Set(ids).size).toBe(1);
  });

  it('are suggested for no job description that was removed, and are no more popular for it', async () => {
    const business_id = 'forgotten';
    const [only] = await ask(service.api, aQuestion({ business_id }));
    const timesSuggested = async () =>
      (await service.api('GET', `/api/v1/questions/${only}?business_id=${business_id}`)).body.times_suggested;
    const [kept, gone] = await Promise.all(
      ['Keeps it fast.', 'Keeps it small.'].map(
        async (job_description) => (await suggest(business_id, { job_description })).body.job_id,
      ),
    );
    expect(await timesSuggested()).toBe(2);
    const of = (id: string, tenant = business_id) => `/api/v1/job-descriptions/${id}?business_id=${tenant}`;
    expect((await service.api('DELETE', of(gone, 'other'))).status).toBe(404);
    expect((await service.api('DELETE', of(gone))).status).toBe(204);
    expect(await service.api('DELETE', of(gone))).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await service.api('GET', of(gone))).status).toBe(404);
    const byId = { business_id, job_id: gone };
    expect((await service.api('POST', '/api/v1/questions/suggestions', byId)).status).toBe(404);
    expect((await service.api('GET', of(kept))).status).toBe(200);
    expect(await timesSuggested()).toBe(1);
  });

  it.each<[path: string, route: string, body: unknown]>([
    ['text', 'questions', aQuestion({ text: '' })],
    ['text', 'questions', aQuestion({ text: 'x'.repeat(2_001) })],
    ['text', 'questions', aQuestion({ text: 'a\u0000b' })],
    ['category', 'questions', { ...aQuestion(), category: undefined }],
    ['difficulty', 'questions', aQuestion({ difficulty: 'extreme' })],
    ['required_skills', 'questions', { ...aQuestion(), required_skills: 'SQL' }],
    ['required_skills.1', 'questions', aQuestion({ required_skills: ['SQL', ' '] })],
    ['compatible_roles', 'questions', aQuestion({ compatible_roles: Array(51).fill('x') })],
    ['', 'questions', []],
    ['', 'questions', Array(101).fill(aQuestion())],
    ['', 'questions', { ...aQuestion(), surplus: 1 }],
    ['', 'questions', 'a question'],
    ['role', 'job-descriptions', { job_description: 'x' }],
    ['job_description', 'job-descriptions', { job_description: ' ', role: 'x' }],
    ['metadata', 'job-descriptions', { ...JOB, metadata: [] }],
    ['job_description', 'questions/suggestions', { role: 'x' }],
    ['role', 'questions/suggestions', { job_description: 'x' }],
    ['job_id', 'questions/suggestions', { job_id: 'x' }],
    ['job_id', 'questions/suggestions', { ...JOB, job_id: '0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b' }],
    ['count', 'questions/suggestions', { ...JOB, count: 0 }],
    ['count', 'questions/suggestions', { ...JOB, count: 51 }],
    ['difficulty', 'questions/suggestions', { ...JOB, difficulty: 3 }],
  ])('are refused with the name of the field that is wrong: %j of %s', async (path, route, body) => {
    const reply = await service.api(
      'POST',
      `/api/v1/${route}`,
      typeof body === 'string' ? `"${body}"` : body,
      {
        'content-type': 'application/json',
      },
    );
    expect(reply).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(reply.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });
});
