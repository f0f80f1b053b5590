import { Load } from '../../src/resilience/load/load.js';
import { type Booted, boot } from '../support/boot.js';
import { ingest } from '../support/documents.js';
import { eventually } from '../support/eventually.js';
import { type Provider, startProvider } from '../support/provider.ts';

const QUESTION = 'What does the lamp burn?';
// To the double the same words, and so the same vector.
const SAME_MEANING = 'What is it that the lamp burns?';
const CONTENT =
  '# Lighthouse keeping\n\nThe lamp burns colza oil in winter. The keeper trims the wick every four hours.\n';

let provider: Provider;
let service: Booted;

beforeAll(async () => {
  provider = await startProvider({ dimension: 64, nonces: false });
  service = await boot({
    LLM_PROVIDERS: 'only',
    ONLY_BASE_URL: provider.url,
    ONLY_MODEL: 'large',
    ONLY_EMBEDDING_MODEL: 'embedding',
    ONLY_EMBEDDING_DIMENSION: '64',
    CIRCUIT_CONSECUTIVE_FAULTS: '1000',
    CIRCUIT_WINDOW_CALLS: '10000',
  });
});
afterAll(async () => {
  await service?.close();
  await provider?.stop();
});
beforeEach(async () => {
  await provider.behave(undefined);
  provider.requests.length = 0;
});

let tenants = 0;
const newBusiness = async () => {
  const business_id = `keepers-${(tenants += 1)}`;
  await ingest(service.api, { title: 'Keeping', external_id: 'keeping', content: CONTENT, business_id });
  return business_id;
};
const ask = async (business_id: string, question = QUESTION, body: object = {}) =>
  (await service.api('POST', '/api/v1/answers', { question, business_id, ...body })).body;
const noModels = () => provider.behave({ kind: 'status', status: 500, on: ['chat'] });

describe('An earlier answer', () => {
  it('is given where no model can, with its age, also to a question that means the same', async () => {
    const business = await newBusiness();
    const { answer } = await ask(business);
    await noModels();
    for (const question of [QUESTION, ' what does the  LAMP burn? ', SAME_MEANING]) {
      expect(await ask(business, question)).toMatchObject({
        answer,
        answer_level: 'cached',
        model: 'large',
        cached_age_s: expect.any(Number),
        cached_question: QUESTION,
        degraded_because: [{ dependency: 'llm.only', reason: expect.any(String) }],
      });
    }
    expect(await ask(business, 'How often is the wick trimmed?')).toMatchObject({
      answer_level: 'extractive',
    });
  });

  it('is given to nobody else, and for no other scope', async () => {
    const business = await newBusiness();
    await ask(business);
    await noModels();
    expect(await ask(await newBusiness())).toMatchObject({ answer_level: 'extractive' });
    expect(await ask(business, QUESTION, { limit: 3 })).toMatchObject({ answer_level: 'extractive' });
  });

  it('is of no use once the documents are others', async () => {
    const business = await newBusiness();
    await ask(business);
    const content = '# Lighthouse keeping\n\nThe lamp burns petroleum now.\n';
    await ingest(service.api, { title: 'Keeping', external_id: 'keeping', content, business_id: business });
    await noModels();
    const { answer, answer_level } = await ask(business);
    expect({ answer, answer_level }).toEqual({
      answer: 'The lamp burns petroleum now. [1]',
      answer_level: 'extractive',
    });
  });

  it('will do where a client says so, if it is no older', async () => {
    const business = await newBusiness();
    await ask(business);
    const asked = provider.of('chat').length;
    expect(await ask(business, QUESTION, { max_age_s: 3_600 })).toMatchObject({
      answer_level: 'cached',
      degraded_because: [],
    });
    expect(provider.of('chat')).toHaveLength(asked);
    expect(await ask(business)).toMatchObject({ answer_level: 'full' });
  });

  it('asks nobody for a vector that could not be had for the search', async () => {
    const business = await newBusiness();
    await provider.behave({ kind: 'status', status: 500, on: ['embeddings'] });
    for (let asked = 1; asked <= 3; asked += 1) {
      const before = provider.of('embeddings').length;
      expect(await ask(business, `Which oil does the lamp burn, ${asked}?`)).toMatchObject({
        answer_level: 'full',
        retrieval: 'keyword',
      });
      // A try and its repetition, of the search alone.
      expect(provider.of('embeddings').length - before).toBeLessThanOrEqual(2);
    }
  });
});

describe('A question that many ask at once', () => {
  it('is put to the model once', async () => {
    const business = await newBusiness();
    await provider.behave({ kind: 'drip', everyMs: 20, on: ['chat'] });
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(business)));
    expect(new Set(answers.map(({ answer }) => answer)).size).toBe(1);
    expect(answers.every(({ answer_level: level }) => level === 'full')).toBe(true);
    expect(provider.of('chat').length).toBeLessThan(10);
  });

  it('is waited for without a place of this process, by all who ask it', async () => {
    const business = await newBusiness();
    await provider.behave({ kind: 'slow', firstTokenMs: 5_000, on: ['chat'] });
    const answers = Promise.all(Array.from({ length: 10 }, () => ask(business)));
    const load = service.app.get(Load);
    // Well before the model says anything.
    await eventually(() => Promise.resolve(provider.of('chat').length > 0));
    await eventually(() => Promise.resolve(load.report().stores.active === 0), { timeoutMs: 2_000 });
    expect((await answers).every(({ answer_level: level }) => level === 'full')).toBe(true);
  });
});
