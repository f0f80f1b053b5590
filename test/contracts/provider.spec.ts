import OpenAI from 'openai';
import type { Chat, OpenAiProvider } from '../../src/platform/llm/openai.provider.js';
import { classifyProvider, ProviderRefused } from '../../src/platform/llm/provider.error.js';
import type { Fault } from '../../src/resilience/dependency-error.js';
import { eventually } from '../support/eventually.js';
import { newApi } from '../support/provider.client.js';
import { type Provider, type ProviderFault, startProvider } from '../support/provider.ts';

const TIMEOUTS = { connectMs: 1_000, firstTokenMs: 500, idleMs: 400, totalMs: 10_000 };
const DIMENSION = 64;
const QUESTION =
  'Question: What does the lamp burn?\n\n[1] Lamp\nThe lamp burns colza oil in winter. It is red.\n';
const ANSWER = 'The lamp burns colza oil in winter. [1]';
const TOKENS = 8;
const REQUEST = { model: 'model', messages: [{ role: 'user' as const, content: QUESTION }], tokensMax: 100 };

let server: Provider;
let provider: OpenAiProvider;

beforeAll(async () => {
  server = await startProvider({ nonces: false, dimension: DIMENSION, models: ['model', 'other'] });
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.behave(undefined);
  server.requests.length = 0;
  provider = providerWith({});
});
afterEach(() => provider.close());

const providerWith = (timeouts: Partial<typeof TIMEOUTS>) => newApi(server, { ...TIMEOUTS, ...timeouts });
const chat = (signal?: AbortSignal, withinMs?: number): Promise<Chat> =>
  provider.chat(REQUEST, signal, withinMs);
const embed = (texts: string[], withinMs = 1_000) =>
  provider.embed({ model: 'model', dimension: DIMENSION, shortened: false, texts }, undefined, withinMs);
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (result) => Promise.reject(new Error(`It did not fail: ${JSON.stringify(result)}`)),
    (error: unknown) => error,
  );

describe('A provider that is well', () => {
  // On a machine with much to do it may take a while all the same.
  beforeEach(() => {
    provider = providerWith({ firstTokenMs: 5_000, idleMs: 5_000 });
  });

  it('answers with the whole text, and what it cost', async () => {
    expect(await chat()).toEqual({
      text: ANSWER,
      truncated: false,
      usage: { input_tokens: expect.any(Number), output_tokens: TOKENS },
    });
    expect(server.of('chat')).toMatchObject([
      {
        headers: { authorization: 'Bearer sk-canary' },
        body: { model: 'model', stream: true, stream_options: { include_usage: true }, max_tokens: 100 },
      },
    ]);
  });

  it('streams the same text in pieces, and an end behind it', async () => {
    const texts: string[] = [];
    let ended = false;
    for await (const event of provider.streamChat(REQUEST)) {
      expect(ended).toBe(false);
      if (event.at === 'end') ended = true;
      else texts.push(event.text);
    }
    expect(ended).toBe(true);
    expect(texts).toHaveLength(TOKENS);
    expect(texts.join('')).toBe(ANSWER);
  });

  it('gives one vector a text in the order of the texts, whatever the order of the reply', async () => {
    const texts = ['red lamp', 'blue sea', 'white tower'];
    const { vectors, tokens } = await embed(texts);
    expect(tokens).toBeGreaterThan(0);
    for (const [i, text] of texts.entries()) expect(vectors[i]).toEqual((await embed([text])).vectors[0]);
  });

  it('lists its models, or none where it has no such list', async () => {
    expect(await provider.models(undefined, 1_000)).toEqual(['model', 'other']);
    await server.behave({ kind: 'model_not_found', on: ['models'] });
    expect(await provider.models(undefined, 1_000)).toEqual([]);
  });

  it('is asked over the same connections again and again', async () => {
    const before = server.connections;
    for (let i = 0; i < 20; i += 1) await chat();
    await embed(['a']);
    expect(server.connections - before).toBeLessThanOrEqual(2);
  });

  it('says that an answer was cut short by its limit', async () => {
    await server.behave({ kind: 'finish', reason: 'length' });
    expect(await chat()).toMatchObject({ text: ANSWER, truncated: true });
  });

  it('has answered when it said so, whether or not it says what that cost', async () => {
    await server.behave({ kind: 'linger' });
    expect(await chat()).toEqual({ text: ANSWER, truncated: false, usage: null });
  });

  it('may take its time for each word, when it says some', async () => {
    await server.behave({ kind: 'drip', everyMs: 100 });
    expect(await chat()).toMatchObject({ text: ANSWER });
  });
});

const unreachable: Fault = { reason: 'unreachable', transient: true };
const badReply: Fault = { reason: 'bad_reply', transient: true };
const wrong: Fault = { reason: 'bad_reply', transient: false };
const hung: Fault = { reason: 'hung', transient: false };

describe('What is wrong with a provider is told apart', () => {
  it.each<[what: string, fault: ProviderFault, expected: Partial<Fault>]>([
    ['nobody listens', { kind: 'refuse' }, unreachable],
    ['it takes connections and no more', { kind: 'hang', at: 'accept' }, hung],
    ['it takes requests and says nothing', { kind: 'hang', at: 'headers' }, hung],
    ['it gives signs of life and no word', { kind: 'slow', firstTokenMs: 2_000 }, hung],
    ['it stalls before the first word', { kind: 'stall', afterTokens: 0 }, hung],
    ['it stalls in the middle', { kind: 'stall', afterTokens: 3 }, hung],
    ['it resets the connection', { kind: 'cut', afterTokens: 3, how: 'rst' }, unreachable],
    ['it closes the connection', { kind: 'cut', afterTokens: 3, how: 'fin' }, unreachable],
    ['it ends without an end', { kind: 'unfinished', afterTokens: 3 }, badReply],
    ['it says DONE without an end', { kind: 'unfinished', afterTokens: 3, done: true }, badReply],
    ['it breaks off within a word', { kind: 'malformed', afterTokens: 3 }, badReply],
    [
      'it errs within the answer',
      { kind: 'error_event', afterTokens: 3 },
      { reason: 'failed', transient: true },
    ],
    [
      'it limits within the answer',
      { kind: 'error_event', afterTokens: 0, code: 'rate_limit_exceeded' },
      { reason: 'rate_limited', suspendMs: 2_000 },
    ],
    [
      'the quota ends within the answer',
      { kind: 'error_event', afterTokens: 1, code: 'insufficient_quota' },
      { reason: 'quota', transient: false },
    ],
    ['it answers nothing', { kind: 'empty' }, badReply],
    ['it never comes to an end', { kind: 'endless' }, wrong],
    ['it limits without a time', { kind: 'rate_limited' }, { reason: 'rate_limited', suspendMs: 2_000 }],
    [
      'it limits for seconds',
      { kind: 'rate_limited', headers: { 'retry-after': '61' } },
      { reason: 'rate_limited', transient: false, retryAfterMs: 61_000, suspendMs: 61_000 },
    ],
    [
      'it limits for milliseconds',
      { kind: 'rate_limited', headers: { 'retry-after-ms': '120', 'retry-after': '1' } },
      { reason: 'rate_limited', suspendMs: 120 },
    ],
    ['the quota is used up', { kind: 'quota' }, { reason: 'quota', transient: false, suspendMs: 600_000 }],
    [
      'the key is wrong',
      { kind: 'unauthorized' },
      { reason: 'unauthorized', transient: false, suspendMs: 60_000 },
    ],
    ['it has no such model', { kind: 'model_not_found' }, { reason: 'not_installed', transient: false }],
    ['it fails', { kind: 'status', status: 500 }, { reason: 'failed', transient: true }],
    ['it has too much to do', { kind: 'status', status: 503 }, { reason: 'overloaded', transient: true }],
    [
      'it fails, and says so without end',
      { kind: 'babble', status: 503 },
      { reason: 'overloaded', transient: true },
    ],
    ['something in front of it fails', { kind: 'html', status: 502 }, unreachable],
    ['something in front of it answers', { kind: 'html', status: 200 }, badReply],
    ['it sends us elsewhere', { kind: 'status', status: 302 }, wrong],
  ])('%s', async (_what, fault, expected) => {
    await server.behave(fault);
    expect(classifyProvider(await failureOf(chat()))).toMatchObject(expected);
  });

  it('and it is not listened to without end', async () => {
    await server.behave({ kind: 'babble', status: 500 });
    await failureOf(provider.models(undefined, 5_000));
    await eventually(() => server.of('models')[0]!.abandonedAtMs);
  });

  it('limits until a date', async () => {
    const date = new Date(Date.now() + 30_000).toUTCString();
    await server.behave({ kind: 'rate_limited', headers: { 'retry-after': date } });
    const { suspendMs } = classifyProvider(await failureOf(chat()))!;
    expect(suspendMs).toBeGreaterThan(28_000);
    expect(suspendMs).toBeLessThanOrEqual(30_000);
  });

  it.each<[what: string, fault: ProviderFault, why: ProviderRefused['why']]>([
    ['a prompt is too long for it', { kind: 'context_length' }, 'context_length'],
    ['it will not speak of that', { kind: 'finish', reason: 'content_filter' }, 'content_filter'],
    ['it takes no such request', { kind: 'status', status: 422 }, 'invalid_request'],
  ])('holds it against nobody when %s', async (_what, fault, why) => {
    await server.behave(fault);
    const failure = await failureOf(chat());
    expect(failure).toBeInstanceOf(ProviderRefused);
    expect(failure).toMatchObject({ why });
    expect(classifyProvider(failure)).toBeUndefined();
  });

  it.each<[what: string, fault: ProviderFault]>([
    ['vectors of another dimension', { kind: 'embeddings', wrong: 'dimension' }],
    ['a vector less', { kind: 'embeddings', wrong: 'count' }],
    ['two vectors for one text', { kind: 'embeddings', wrong: 'order' }],
    ['a vector with what is no number', { kind: 'embeddings', wrong: 'number' }],
  ])('lets %s through to nobody', async (_what, fault) => {
    await server.behave(fault);
    expect(classifyProvider(await failureOf(embed(['one', 'two'])))).toEqual(wrong);
  });

  it('takes a page for no list of vectors, and an abort that came before the call for what it is', async () => {
    await server.behave({ kind: 'html', status: 200 });
    expect(classifyProvider(await failureOf(embed(['one'])))).toEqual(badReply);
    const gone = new Error('gone');
    server.requests.length = 0;
    expect(await failureOf(chat(AbortSignal.abort(gone)))).toBe(gone);
    expect(server.requests).toEqual([]);
  });

  it('holds a silence against a provider only if it had time enough to speak', async () => {
    await server.behave({ kind: 'hang', at: 'headers' });
    expect(classifyProvider(await failureOf(chat()))).toEqual({ ...hung, counts: true });
    expect(classifyProvider(await failureOf(chat(undefined, 100)))).toEqual({ ...hung, counts: false });
    provider = providerWith({ firstTokenMs: 60_000, totalMs: 60_000 });
    expect(classifyProvider(await failureOf(chat(undefined, 2_000)))).toEqual({ ...hung, counts: true });
  });

  it('never repeats what the provider said, nor the key', async () => {
    for (const fault of [{ kind: 'unauthorized' }, { kind: 'quota' }, { kind: 'context_length' }] as const) {
      await server.behave(fault);
      const failure = (await failureOf(chat())) as Error;
      expect(failure.message).not.toMatch(/canary|Incorrect|exceeded your|maximum/);
    }
  });
});

describe('The double', () => {
  it('is a provider to the official client', async () => {
    const client = new OpenAI({ baseURL: server.url, apiKey: 'x', maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: QUESTION }];
    const whole = await client.chat.completions.create({ model: 'model', messages });
    expect(whole.choices[0]).toMatchObject({ message: { content: ANSWER }, finish_reason: 'stop' });
    const { data } = await client.embeddings.create({ model: 'model', input: ['red lamp'] });
    expect(data[0]!.embedding).toHaveLength(DIMENSION);
    expect((await client.models.list()).data.map((model) => model.id)).toEqual(['model', 'other']);
    await server.behave({ kind: 'quota' });
    await expect(client.chat.completions.create({ model: 'model', messages })).rejects.toMatchObject({
      status: 429,
      code: 'insufficient_quota',
    });
  });
});
