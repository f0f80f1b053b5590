import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { streamText } from 'ai';
import OpenAI from 'openai';
import { Door } from '../support/door.js';

const SAID = 'It burns colza oil in winter.';
const HELLO = [{ role: 'user' as const, content: 'What does the lamp burn?' }];
const HEARTBEAT = ': still writing';
const HEARTBEAT_MS = 100;
// Before the first word, and between each two: some heartbeats.
const SILENCE_MS = 4 * HEARTBEAT_MS;
const FIRST_TOKEN_MS = 20 * HEARTBEAT_MS;

let door: Door;
beforeAll(async () => {
  door = await Door.open(
    {
      STREAM_HEARTBEAT_MS: String(HEARTBEAT_MS),
      LLM_FIRST_TOKEN_TIMEOUT_MS: String(FIRST_TOKEN_MS),
      LLM_IDLE_TIMEOUT_MS: '10000',
    },
    { nonces: false, says: () => SAID },
  );
}, 60_000);
afterAll(() => door?.close());
afterEach(() => door.heal());

/** The stream as bytes, cut where its events are. */
async function events(body: object = {}): Promise<{ status: number; headers: Headers; events: string[] }> {
  const asked = { messages: HELLO, stream: true, ...body };
  const reply = await door.service.api<string>('POST', '/v1/chat/completions', asked);
  const { status, headers } = reply;
  return { status, headers, events: reply.body.trimEnd().split('\n\n') };
}

const wordOf = (event: string): string =>
  event === HEARTBEAT || event === 'data: [DONE]'
    ? ''
    : (JSON.parse(event.slice('data: '.length)).choices[0]?.delta.content ?? '');

describe('A stream through the door whose model thinks', () => {
  it('shows that it is alive before the first word and between two, and is whole but for that', async () => {
    await door.first.behave({ kind: 'drip', everyMs: SILENCE_MS });
    const { status, events: told } = await events({ model: 'large' });
    expect(status).toBe(200);
    expect(told[0]).toBe(HEARTBEAT);
    const words = told.flatMap((event, i) => (wordOf(event).trim() === '' ? [] : [i]));
    expect(words.length).toBe(SAID.split(' ').length);
    for (const [i, at] of words.slice(1).entries())
      expect(told.slice(words[i]! + 1, at)).toContain(HEARTBEAT);
    expect(told.map(wordOf).join('')).toBe(SAID);
    expect(told.at(-1)).toBe('data: [DONE]');
  });

  it('is read by OpenAI’s client as any other', async () => {
    await door.first.behave({ kind: 'drip', everyMs: SILENCE_MS });
    const asked = { model: 'large', messages: HELLO, stream_options: { include_usage: true } };
    const completion = await door.client().chat.completions.stream(asked).finalChatCompletion();
    expect(completion).toMatchObject({
      model: 'large',
      choices: [{ message: { content: SAID }, finish_reason: 'stop' }],
    });
    expect(completion.usage!.completion_tokens).toBeGreaterThan(0);
  });

  it('is read by the AI SDK as any other', async () => {
    await door.first.behave({ kind: 'drip', everyMs: SILENCE_MS });
    const provider = createOpenAICompatible({ name: 'mainstay', baseURL: door.baseURL });
    const stream = streamText({ model: provider.chatModel('large'), prompt: 'What does the lamp burn?' });
    expect(await stream.text).toBe(SAID);
    expect(await stream.finishReason).toBe('stop');
  });

  it('is another provider’s where the first says nothing at all', async () => {
    await door.first.behave({ kind: 'hang', at: 'headers' });
    const { status, headers, events: told } = await events();
    expect({ status, level: headers.get('x-answer-level') }).toEqual({ status: 200, level: null });
    expect(told[0]).toBe(HEARTBEAT);
    expect(told.map(wordOf).join('')).toBe(SAID);
  });

  it('ends with an error that says why where no provider says anything', async () => {
    await door.both({ kind: 'hang', at: 'headers' });
    const { status, events: told } = await events();
    expect(status).toBe(200);
    expect(told[0]).toBe(HEARTBEAT);
    expect(JSON.parse(told.at(-1)!.slice('data: '.length))).toMatchObject({
      error: { type: 'server_error', code: 'dependency_unavailable' },
    });
    const asked = { model: 'mainstay', messages: HELLO, stream: true as const };
    const stream = await door.client().chat.completions.create(asked);
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(OpenAI.APIError);
  });

  it('ends with the words of the provider that refuses it', async () => {
    await door.first.behave({ kind: 'hang', at: 'headers' });
    await door.second.behave({ kind: 'context_length' });
    const { status, events: told } = await events();
    expect(status).toBe(200);
    expect(JSON.parse(told.at(-1)!.slice('data: '.length))).toMatchObject({
      error: { code: 'context_length_exceeded' },
    });
  });

  it('ends when its time is up, though its head is out', async () => {
    await door.both({ kind: 'hang', at: 'headers' });
    const reply = await door.service.api(
      'POST',
      '/v1/chat/completions',
      { messages: HELLO, stream: true },
      { 'x-request-timeout-ms': '700' },
    );
    expect(reply.status).toBe(200);
    expect(reply.body).toMatch(/^: still writing\n\n/);
    expect(reply.body).toMatch(/data: \{"error":\{.*\}\n\n$/);
    expect(reply.body).not.toContain('[DONE]');
  });
});
