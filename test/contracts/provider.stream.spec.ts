import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import type { Chat, OpenAiProvider } from '../../src/platform/llm/openai.provider.js';
import { classifyProvider } from '../../src/platform/llm/provider.error.js';
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
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (result) => Promise.reject(new Error(`It did not fail: ${JSON.stringify(result)}`)),
    (error: unknown) => error,
  );

describe('A stream that was cut', () => {
  const cuts: ((afterTokens: number) => ProviderFault)[] = [
    (afterTokens) => ({ kind: 'cut', afterTokens, how: 'rst' }),
    (afterTokens) => ({ kind: 'cut', afterTokens, how: 'fin' }),
    (afterTokens) => ({ kind: 'unfinished', afterTokens }),
    (afterTokens) => ({ kind: 'unfinished', afterTokens, done: true }),
    (afterTokens) => ({ kind: 'malformed', afterTokens }),
    (afterTokens) => ({ kind: 'error_event', afterTokens }),
  ];

  it('is never taken for a whole answer, wherever it was cut', async () => {
    for (const cut of cuts) {
      for (let afterTokens = 0; afterTokens <= TOKENS; afterTokens += 1) {
        await server.behave(cut(afterTokens));
        expect(classifyProvider(await failureOf(chat()))).toBeDefined();
      }
    }
  });
});

describe('The official client, which is why it is not used', () => {
  const client = (maxRetries = 0) =>
    new OpenAI({ baseURL: server.url, apiKey: 'x', maxRetries, timeout: 300 });
  const ask = (official: OpenAI) =>
    official.chat.completions.create({ model: 'model', stream: true, messages: REQUEST.messages });

  it('takes a stream that was cut for a whole answer', async () => {
    await server.behave({ kind: 'unfinished', afterTokens: 3 });
    let text = '';
    for await (const chunk of await ask(client())) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('The lamp burns');
  });

  it('takes a stream that its caller aborted for one, too', async () => {
    await server.behave({ kind: 'drip', everyMs: 30 });
    const stream = await ask(client());
    let text = '';
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (text !== '') stream.controller.abort();
    }
    expect(text).toBe('The');
  });

  it('waits on when a stream stalls, whatever its time limit', async () => {
    await server.behave({ kind: 'stall', afterTokens: 3 });
    const stream = await ask(client());
    const ended = (async () => {
      for await (const _chunk of stream);
      return 'ended';
    })();
    expect(await Promise.race([ended, sleep(1_000, 'waits on')])).toBe('waits on');
    stream.controller.abort();
    await ended;
  });

  it('asks again in a moment where it was told to wait for a minute', async () => {
    await server.behave({ kind: 'rate_limited', headers: { 'retry-after': '61' } });
    await failureOf(ask(client(1)));
    const [first, again] = server.of('chat');
    expect(again!.atMs - first!.atMs).toBeLessThan(5_000);
  });

  it('asks again where the quota is used up', async () => {
    await server.behave({ kind: 'quota' });
    await failureOf(ask(client(1)));
    expect(server.of('chat')).toHaveLength(2);
  });
});

describe('A provider is left alone', () => {
  const untilAbandoned = () =>
    eventually(() => server.of('chat').at(-1)?.abandonedAtMs, { timeoutMs: 5_000, everyMs: 5 });

  it.each<[when: string, fault: ProviderFault, words: number]>([
    ['before it says anything', { kind: 'hang', at: 'headers' }, 0],
    ['in the middle of its answer', { kind: 'stall', afterTokens: 3 }, 3],
    ['between two words', { kind: 'drip', everyMs: 50 }, 2],
  ])('within a second of the caller’s going away %s', async (_when, fault, words) => {
    await server.behave(fault);
    provider = providerWith({ firstTokenMs: 60_000, idleMs: 60_000, totalMs: 60_000 });
    const caller = new AbortController();
    let heard = 0;
    const answer = failureOf(
      (async () => {
        for await (const event of provider.streamChat(REQUEST, caller.signal))
          if (event.at === 'text') heard += 1;
      })(),
    );
    await eventually(() => server.of('chat').length === 1 && heard === words, { everyMs: 1 });
    const gone = new Error('gone');
    const goneMs = performance.now();
    caller.abort(gone);
    expect(await answer).toBe(gone);
    expect((await untilAbandoned()) - goneMs).toBeLessThan(3_000);
  });

  it('when nobody reads its stream on', async () => {
    await server.behave({ kind: 'drip', everyMs: 20 });
    for await (const event of provider.streamChat(REQUEST)) if (event.at === 'text') break;
    await untilAbandoned();
  });

  it('when it took too long', async () => {
    await server.behave({ kind: 'drip', everyMs: 150 });
    provider = providerWith({ totalMs: 500 });
    expect(classifyProvider(await failureOf(chat()))).toEqual({
      reason: 'timeout',
      transient: false,
      counts: true,
    });
    await untilAbandoned();
  });

  it('is not timed while the reader takes his time', async () => {
    await server.behave({ kind: 'drip', everyMs: 150 });
    let text = '';
    for await (const event of provider.streamChat(REQUEST)) {
      if (event.at !== 'text') continue;
      if (text === '') await sleep(2 * TIMEOUTS.idleMs);
      text += event.text;
    }
    expect(text).toBe(ANSWER);
  });
});
