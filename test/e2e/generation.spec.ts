import { type Booted, boot } from '../support/boot.js';
import { ingest } from '../support/documents.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { sha256, SseReader } from '../support/sse.js';

const TOPIC = 'What does the lamp burn?';
const CONTENT =
  '# Lighthouse keeping\n\nThe lamp burns colza oil in winter. The keeper trims the wick every four hours.\n';
const NOBODY = '01890000-0000-7000-8000-000000000000';

let provider: Provider;
let service: Booted;

beforeAll(async () => {
  provider = await startProvider();
  service = await boot({
    LLM_PROVIDERS: 'only',
    ONLY_BASE_URL: provider.url,
    ONLY_MODEL: 'large',
    LLM_FIRST_TOKEN_TIMEOUT_MS: '600',
    CIRCUIT_BACKOFF_MIN_MS: '100',
    CIRCUIT_BACKOFF_MAX_MS: '200',
  });
});
afterAll(async () => {
  await service?.close();
  await provider?.stop();
});
beforeEach(async () => {
  await provider.behave(undefined);
  provider.requests.length = 0;
  const { Dependencies } = await import('../../src/resilience/dependencies.js');
  for (const dependency of service.app.get(Dependencies)) dependency.reset();
});

let tenants = 0;
/** A business of its own for each test, which has one document. */
const newBusiness = async () => {
  const business_id = `keepers-${(tenants += 1)}`;
  await ingest(service.api, {
    title: 'Keeping',
    content: CONTENT,
    content_type: 'text/markdown',
    business_id,
  });
  return business_id;
};
const generate = (business_id: string, body: object = {}, headers: Record<string, string> = {}) =>
  service.api(
    'POST',
    '/api/v1/generate',
    { business_id, topic: TOPIC, format: 'blog post', voice: 'dry', ...body },
    headers,
  );
const judge = (business_id: string, generation_id: string, body: object = {}) =>
  service.api('POST', '/api/v1/feedback', {
    generation_id,
    business_id,
    human_approved: true,
    human_score: 8,
    human_feedback: 'Crisp.',
    ...body,
  });
const stats = async (business_id: string, query = '') =>
  (await service.api('GET', `/api/v1/learning/stats/${business_id}${query}`)).body;
const lastPrompt = () => provider.of('chat').at(-1)!.body.messages as { role: string; content: string }[];

describe('A generation', () => {
  it('rests on the documents, in the kind and the voice that were asked for, and can be read again', async () => {
    const business = await newBusiness();
    const { status, headers, body } = await generate(business);
    expect(status).toBe(200);
    expect(headers.get('x-answer-level')).toBe('full');
    expect(body).toMatchObject({
      generation_id: expect.any(String),
      content: expect.stringContaining('The lamp burns colza oil in winter. [1]'),
      citations: [{ n: 1, title: 'Keeping' }],
      answer_level: 'full',
      retrieval: 'hybrid',
      degraded_because: [],
      learned_from: [],
      model: 'large',
      usage: { input_tokens: expect.any(Number) },
    });
    expect(lastPrompt()[0]!.content).toMatch(/blog post[^]*dry/);
    const again = await service.api(
      'GET',
      `/api/v1/generations/${body.generation_id}?business_id=${business}`,
    );
    expect(again.body).toMatchObject({ ...body, topic: TOPIC, format: 'blog post', voice: 'dry' });
    const other = await service.api('GET', `/api/v1/generations/${body.generation_id}?business_id=other`);
    expect(other.status).toBe(404);
  });

  it('is quoted from the documents when no model can write, and is no example to anybody', async () => {
    const business = await newBusiness();
    await provider.behave({ kind: 'refuse' });
    const { status, body } = await generate(business);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      content: 'The lamp burns colza oil in winter. [1]',
      answer_level: 'extractive',
      model: null,
      degraded_because: [{ dependency: 'llm.only', reason: expect.any(String) }],
    });
    expect((await judge(business, body.generation_id)).status).toBe(201);
    await provider.behave(undefined);
    const { Dependencies } = await import('../../src/resilience/dependencies.js');
    for (const dependency of service.app.get(Dependencies)) dependency.reset();
    expect((await generate(business)).body).toMatchObject({ answer_level: 'full', learned_from: [] });
  });

  it('comes as it is written, and is stored when it is told to be whole', async () => {
    const business = await newBusiness();
    const reader = await SseReader.post(`${service.url}/api/v1/generate`, {
      business_id: business,
      topic: TOPIC,
      format: 'blog post',
      stream: true,
    });
    await reader.end();
    const { data } = reader.last!;
    expect(reader.last!.event).toBe('done');
    expect(data.sha256).toBe(sha256(reader.text));
    const stored = await service.api(
      'GET',
      `/api/v1/generations/${data.generation_id}?business_id=${business}`,
    );
    expect(stored.body.content).toBe(reader.text);
  });

  it('is written once for one Idempotency-Key', async () => {
    const business = await newBusiness();
    const key = { 'Idempotency-Key': 'one' };
    const first = await generate(business, {}, key);
    const asked = provider.of('chat').length;
    expect((await generate(business, {}, key)).body).toEqual(first.body);
    expect(provider.of('chat')).toHaveLength(asked);
    expect((await generate(business, { topic: 'Another' }, key)).status).toBe(422);
  });

  it('is told once more as a stream to whoever sends its key again, and is written and stored once', async () => {
    const business = await newBusiness();
    const body = { business_id: business, topic: TOPIC, format: 'blog post', voice: 'dry', stream: true };
    const read = () =>
      SseReader.post(`${service.url}/api/v1/generate`, body, { 'idempotency-key': 'streamed' }).then(
        (reader) => reader.end(),
      );
    const [first, again] = [await read(), await read()];
    expect(again.text).toBe(first.text);
    expect(again.last).toMatchObject({ event: 'done', data: first.last!.data });
    expect((await generate(business, {}, { 'Idempotency-Key': 'streamed' })).body.content).toBe(first.text);
    expect(await stats(business)).toMatchObject({ generations: 1 });
  });

  it('is one of fifty of one business at the same time, and all of them are there', async () => {
    const business = await newBusiness();
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, i) => generate(business, { topic: `${TOPIC} ${i}` })),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect(new Set(replies.map(({ body }) => body.generation_id)).size).toBe(50);
    expect(await stats(business)).toMatchObject({ generations: 50 });
  });

  it.each([
    ['topic', { topic: ' ' }],
    ['format', { format: undefined }],
    ['voice', { voice: 7 }],
    ['stream', { stream: 'yes' }],
    ['business_id', { business_id: 'not a business' }],
  ])('is refused when %s is wrong, by its name', async (path, body) => {
    const reply = await generate('keepers', body);
    expect(reply.status).toBe(422);
    expect(reply.body.errors).toEqual([{ path, message: expect.any(String) }]);
  });
});

describe('Feedback', () => {
  it('changes what the next generation of the same kind is shown, and it says which', async () => {
    const business = await newBusiness();
    const good = (await generate(business)).body.generation_id;
    const bad = (await generate(business)).body.generation_id;
    const praise = (await judge(business, good, { human_score: 9 })).body.feedback_id;
    const blame = (
      await judge(business, bad, { human_approved: false, human_score: 2, human_feedback: 'Too long.' })
    ).body.feedback_id;
    const { body } = await generate(business);
    expect(body.learned_from).toEqual([praise, blame]);
    const prompt = lastPrompt();
    expect(prompt.map(({ content }) => content).join('\n')).toMatch(/Too long\.[^]*9 of 10[^]*Crisp\./);
    // The same feedback makes the same prompt.
    await generate(business);
    expect(lastPrompt()).toEqual(prompt);
    const { body: other } = await generate(business, { format: 'news' });
    expect(other.learned_from).toEqual([]);
    const { body: stranger } = await generate(await newBusiness());
    expect(stranger.learned_from).toEqual([]);
  });

  it('takes the place of what was said before of the same generation', async () => {
    const business = await newBusiness();
    const { generation_id } = (await generate(business)).body;
    await judge(business, generation_id, { human_score: 2, human_approved: false });
    const { status, body } = await judge(business, generation_id, { human_score: 9 });
    expect(status).toBe(201);
    expect(await stats(business)).toMatchObject({ with_feedback: 1, approved: 1, score: { mean: 9 } });
    expect((await generate(business)).body.learned_from).toEqual([body.feedback_id]);
  });

  it('is one, whichever of many at the same time was the last', async () => {
    const business = await newBusiness();
    const { generation_id } = (await generate(business)).body;
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, human_score) => judge(business, generation_id, { human_score })),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 201));
    expect(await stats(business)).toMatchObject({ with_feedback: 1 });
  });

  it('is taken while every model is down', async () => {
    const business = await newBusiness();
    const { generation_id } = (await generate(business)).body;
    await provider.behave({ kind: 'refuse' });
    expect((await judge(business, generation_id)).status).toBe(201);
  });

  it('is refused for what is not there, or belongs to another business', async () => {
    const business = await newBusiness();
    const { generation_id } = (await generate(business)).body;
    expect((await judge(business, NOBODY)).status).toBe(404);
    expect((await judge('other', generation_id)).status).toBe(404);
  });

  it.each([
    ['human_score', { human_score: 11 }],
    ['human_score', { human_score: '8' }],
    ['human_approved', { human_approved: 'yes' }],
    ['generation_id', { generation_id: 'x' }],
    ['human_feedback', { human_feedback: 'x'.repeat(4_001) }],
  ])('is refused when %s is wrong, by its name', async (path, body) => {
    const reply = await judge('keepers', NOBODY, body);
    expect(reply.status).toBe(422);
    expect(reply.body.errors).toEqual([{ path, message: expect.any(String) }]);
  });
});

describe('What was learned', () => {
  it('is told with its confidence and its trend, by content type', async () => {
    const business = await newBusiness();
    for (const human_score of [4, 5, 6]) {
      const { generation_id } = (await generate(business)).body;
      await judge(business, generation_id, { human_score, human_approved: human_score > 4 });
    }
    await generate(business, { format: 'news' });
    const of = '?content_type=blog%20post';
    expect(await stats(business, of)).toEqual({
      business_id: business,
      content_type: 'blog post',
      generations: 3,
      with_feedback: 3,
      approved: 2,
      approval_rate: 0.667,
      score: { mean: 5, ci95: [2.516, 7.484], trend: 1 },
      learned: { generations: 2, score_mean_with: 5.5, score_mean_without: 4 },
    });
    expect(await stats(business)).toMatchObject({ content_type: null, generations: 4, with_feedback: 3 });
  });

  it('is nothing where nothing was generated, and the old paths say the same', async () => {
    const nothing = await stats('nobody');
    expect(nothing).toMatchObject({
      generations: 0,
      approval_rate: null,
      score: { mean: null, ci95: null, trend: null },
    });
    expect((await service.api('GET', '/api/learning/stats/nobody')).body).toEqual(nothing);
  });
});
