import OpenAI from 'openai';
import type { ChatCompletionChunk } from 'openai/resources';
import { Dependencies } from '../../src/resilience/dependencies.js';
import { Door } from '../support/door.js';
import { eventually } from '../support/eventually.js';
import type { ProviderFault } from '../support/provider.ts';

const SAID = 'It burns colza oil in winter and no other.';
const TOKENS = SAID.split(' ').length;
const HELLO = [{ role: 'user' as const, content: 'What does the lamp burn?' }];
const STREAMS_MAX = 25;

let door: Door;
let client: OpenAI;
beforeAll(async () => {
  door = await Door.open(
    {
      LLM_FIRST_TOKEN_TIMEOUT_MS: '2000',
      LLM_IDLE_TIMEOUT_MS: '1500',
      STREAMS_PER_TENANT_MAX: String(STREAMS_MAX),
    },
    { nonces: false, says: () => SAID },
  );
  client = door.client();
}, 60_000);
afterAll(() => door?.close());
afterEach(() => door.heal());

const FAULTS: [what: string, fault: (afterTokens: number) => ProviderFault][] = [
  ['reset', (afterTokens) => ({ kind: 'cut', afterTokens, how: 'rst' })],
  ['closed in the middle', (afterTokens) => ({ kind: 'cut', afterTokens, how: 'fin' })],
  ['ended cleanly without a finish', (afterTokens) => ({ kind: 'unfinished', afterTokens })],
  ['said to be done without a finish', (afterTokens) => ({ kind: 'unfinished', afterTokens, done: true })],
  ['malformed', (afterTokens) => ({ kind: 'malformed', afterTokens })],
  ['ended by an error in it', (afterTokens) => ({ kind: 'error_event', afterTokens })],
];

interface Heard {
  text: string;
  finish: string | null;
  model: string | undefined;
  level: string | null;
  error: unknown;
}

/** All that a client of the SDK gets to know of a stream. */
async function hear(body: object = {}): Promise<Heard> {
  const heard: Heard = { text: '', finish: null, model: undefined, level: null, error: undefined };
  try {
    const { data, response } = await client.chat.completions
      .create({ model: 'mainstay', messages: HELLO, stream: true, ...body })
      .withResponse();
    heard.level = response.headers.get('x-answer-level');
    for await (const chunk of data as AsyncIterable<ChatCompletionChunk>) {
      heard.model = chunk.model;
      heard.text += chunk.choices[0]?.delta.content ?? '';
      heard.finish = chunk.choices[0]?.finish_reason ?? heard.finish;
    }
  } catch (error) {
    heard.error = error;
  }
  return heard;
}

/** The bytes of a stream. */
async function raw(body: object = {}): Promise<string> {
  const reply = await door.service.api('POST', '/v1/chat/completions', {
    messages: HELLO,
    stream: true,
    ...body,
  });
  return reply.body;
}

/** A stream either ends as OpenAI's do, or with an error in their form: one of them, and nothing behind it. */
function expectHonest(bytes: string): void {
  const events = bytes.trimEnd().split('\n\n');
  const last = events.at(-1)!;
  if (last === 'data: [DONE]') return;
  expect(bytes).not.toContain('[DONE]');
  expect(JSON.parse(last.slice('data: '.length))).toEqual({
    error: {
      message: expect.stringContaining('llm.first'),
      type: 'server_error',
      param: null,
      code: 'dependency_unavailable',
    },
  });
}

describe('A stream through the door', () => {
  it.each(FAULTS)('is another provider’s where the first was %s before a word', async (_what, fault) => {
    await door.first.behave(fault(0));
    expect(await hear()).toEqual({
      text: SAID,
      finish: 'stop',
      model: 'small',
      level: 'fallback_model',
      error: undefined,
    });
  });

  it.each<ProviderFault>([
    { kind: 'refuse' },
    { kind: 'hang', at: 'headers' },
    { kind: 'stall', afterTokens: 0 },
    { kind: 'status', status: 503 },
    { kind: 'html', status: 502 },
    { kind: 'rate_limited' },
    { kind: 'unauthorized' },
    { kind: 'model_not_found' },
  ])('is another provider’s where of the first is true: %j', async (fault) => {
    await door.first.behave(fault);
    expect(await hear()).toMatchObject({
      text: SAID,
      finish: 'stop',
      level: 'fallback_model',
      error: undefined,
    });
  });

  it.each(FAULTS)(
    'ends with an error wherever its provider was %s, or is another’s as a whole',
    async (_what, fault) => {
      for (let token = 1; token <= TOKENS; token += 1) {
        await door.first.behave(fault(token));
        const heard = await hear();
        const bytes = await raw();
        // What comes in one packet with the first words is known of before anything was passed on.
        if (heard.error === undefined)
          expect(heard).toMatchObject({ text: SAID, finish: 'stop', level: 'fallback_model' });
        else {
          expect(heard.error).toBeInstanceOf(OpenAI.APIError);
          expect(heard).toMatchObject({ finish: null, model: 'large', level: 'full' });
          expect(SAID.startsWith(heard.text)).toBe(true);
          expect(heard.text).not.toBe('');
        }
        expectHonest(bytes);
      }
    },
  );

  it('ends with an error wherever its provider was cut once words had come', async () => {
    for (let token = 1; token <= TOKENS; token += 1) {
      await door.first.behave({ kind: 'cut', afterTokens: token, how: 'fin' });
      expect((await hear()).error).toBeInstanceOf(OpenAI.APIError);
    }
  });

  it('ends with an error when its provider stalls, and when the time is up', async () => {
    await door.first.behave({ kind: 'stall', afterTokens: 3 });
    expect((await hear()).error).toBeInstanceOf(OpenAI.APIError);
    await door.first.behave({ kind: 'drip', everyMs: 300 });
    const reply = await door.service.api(
      'POST',
      '/v1/chat/completions',
      { messages: HELLO, stream: true, model: 'large' },
      { 'x-request-timeout-ms': '1200' },
    );
    expect(reply.body).not.toContain('[DONE]');
    expect(reply.body.trimEnd().split('\n\n').at(-1)).toMatch(/^data: \{"error":\{/);
  });

  it('is whole where only what comes behind its finish is missing', async () => {
    await door.first.behave({ kind: 'linger' });
    expect(await hear()).toMatchObject({ text: SAID, finish: 'stop', level: 'full', error: undefined });
    expect(await raw()).toMatch(/data: \[DONE\]\n\n$/);
  });

  it('is passed on as the bytes that the provider sent', async () => {
    const asked = { messages: HELLO, stream: true, stream_options: { include_usage: true }, model: 'large' };
    const direct = await fetch(`${door.first.url}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(asked),
    });
    const same = (text: string) =>
      text.replaceAll(/chatcmpl-nonce-\w+/g, 'id').replaceAll(/"created":\d+/g, '"created":0');
    expect(same(await raw(asked))).toBe(same(await direct.text()));
  });

  it('comes beside twenty others, each whole', async () => {
    await door.both({ kind: 'drip', everyMs: 20 });
    const heard = await Promise.all(Array.from({ length: 20 }, () => hear()));
    for (const one of heard) expect(one).toMatchObject({ text: SAID, finish: 'stop', error: undefined });
  });

  it('is refused beside more than a tenant may have, and leaves its place when it is over', async () => {
    await door.both({ kind: 'stall', afterTokens: 2 });
    const leaving = new AbortController();
    const open = await Promise.all(
      Array.from({ length: STREAMS_MAX }, () =>
        client.chat.completions.create(
          { model: 'mainstay', messages: HELLO, stream: true, user: 'held' },
          { signal: leaving.signal },
        ),
      ),
    );
    expect(open).toHaveLength(STREAMS_MAX);
    const refused = await hear();
    leaving.abort();
    expect(refused.error).toBeInstanceOf(OpenAI.RateLimitError);
    await door.both(undefined);
    await eventually(async () => (await hear()).error === undefined);
    const { concurrency } = door.service.app.get(Dependencies).get('llm.first')!;
    expect(concurrency).toMatchObject({ inUse: 0, waiting: 0 });
  });

  it('gives its place with the provider back when its client leaves, before the first word and behind it', async () => {
    const places = () => door.service.app.get(Dependencies).get('llm.first')!.concurrency!.inUse;
    const faults: ProviderFault[] = [
      { kind: 'hang', at: 'headers' },
      { kind: 'stall', afterTokens: 0 },
      { kind: 'stall', afterTokens: 2 },
    ];
    for (const fault of faults) {
      await door.both(fault);
      const leaving = new AbortController();
      const before = door.first.of('chat').length;
      const answer = fetch(`${door.baseURL}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages: HELLO, stream: true }),
        signal: leaving.signal,
      }).then((reply) => reply.text());
      const gone = answer.then(undefined, () => 'gone');
      await eventually(() => door.first.of('chat').length > before);
      expect(places()).toBe(1);
      leaving.abort();
      expect(await gone).toBe('gone');
      await eventually(() => places() === 0);
      await eventually(() => door.first.of('chat').at(-1)!.abandonedAtMs);
    }
  });

  it('is read from the provider no faster than the client reads', async () => {
    await door.first.behave({ kind: 'endless' });
    const reply = await fetch(`${door.baseURL}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'large', messages: HELLO, stream: true }),
    });
    const reader = reply.body!.getReader();
    await reader.read();
    const request = door.first.of('chat').at(-1)!;
    // Some 32 MB would be too long an answer, and end it: a client that does not read never gets there.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(request.abandonedAtMs).toBeUndefined();
    await reader.cancel();
    await eventually(() => request.abandonedAtMs);
  });

  it('ends one that has no end', async () => {
    await door.first.behave({ kind: 'endless' });
    expect((await hear({ model: 'large' })).error).toBeInstanceOf(OpenAI.APIError);
  });
});

describe('A whole answer through the door', () => {
  const ask = () => client.chat.completions.create({ model: 'mainstay', messages: HELLO }).withResponse();

  it.each<ProviderFault>([
    { kind: 'refuse' },
    { kind: 'hang', at: 'headers' },
    { kind: 'status', status: 500 },
    { kind: 'html', status: 200 },
    { kind: 'rate_limited' },
    { kind: 'unauthorized' },
    { kind: 'model_not_found' },
  ])('is another provider’s where of the first is true: %j', async (fault) => {
    await door.first.behave(fault);
    const { data, response } = await client.chat.completions
      .create({ model: 'mainstay', messages: HELLO }, { headers: { 'X-Request-Timeout-Ms': '6000' } })
      .withResponse();
    expect(data).toMatchObject({ model: 'small', choices: [{ message: { content: SAID } }] });
    expect(response.headers.get('x-answer-level')).toBe('fallback_model');
  });

  it('leaves a provider alone whose circuit is open, and takes it again when it is well', async () => {
    door.service.app.get(Dependencies).get('llm.first')!.isolate();
    const before = door.first.of('chat').length;
    expect((await ask()).data.model).toBe('small');
    expect(door.first.of('chat')).toHaveLength(before);
    await door.heal();
    expect((await ask()).data.model).toBe('large');
  });

  it('embeds elsewhere where the first cannot, and never lets wrong vectors through', async () => {
    const faults: ProviderFault[] = [
      { kind: 'status', status: 500 },
      { kind: 'embeddings', wrong: 'dimension' },
      { kind: 'embeddings', wrong: 'count' },
      { kind: 'embeddings', wrong: 'order' },
      { kind: 'embeddings', wrong: 'number' },
    ];
    for (const fault of faults) {
      await door.first.behave(fault);
      const before = door.second.of('embeddings').length;
      const { data } = await client.embeddings.create({
        model: 'vectors',
        input: ['one', 'two'],
        encoding_format: 'float',
      });
      expect(data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
        [0, 64],
        [1, 64],
      ]);
      expect(door.second.of('embeddings')).toHaveLength(before + 1);
    }
  });
});
