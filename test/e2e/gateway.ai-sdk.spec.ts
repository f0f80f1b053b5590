import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embed, embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { Door } from '../support/door.js';
import { eventually } from '../support/eventually.js';
import { vectorOf } from '../support/provider.model.ts';

const SAID = /^You said: Hello there nonce-/;
const prompt = 'Hello there';
const place = jsonSchema<{ place: string }>({
  type: 'object',
  properties: { place: { type: 'string' } },
  required: ['place'],
});

let door: Door;
let provider: ReturnType<typeof createOpenAICompatible>;
beforeAll(async () => {
  door = await Door.open();
  provider = createOpenAICompatible({
    name: 'mainstay',
    baseURL: door.baseURL,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
}, 60_000);
afterAll(() => door?.close());
afterEach(() => door.heal());

describe('Through the AI SDK', () => {
  const model = () => provider.chatModel('mainstay');

  it('a text is generated', async () => {
    const { text, finishReason, usage } = await generateText({ model: model(), prompt });
    expect(text).toMatch(SAID);
    expect(finishReason).toBe('stop');
    expect(usage.outputTokens).toBeGreaterThan(0);
  });

  it('a text is streamed', async () => {
    const stream = streamText({ model: model(), prompt });
    const pieces = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join('')).toMatch(SAID);
    expect(await stream.finishReason).toBe('stop');
    expect((await stream.usage).outputTokens).toBeGreaterThan(0);
  });

  it('a tool is called and its result is read, whole and streamed', async () => {
    const asked: string[] = [];
    const weather = tool({
      inputSchema: place,
      execute: async ({ place: where }) => {
        asked.push(where);
        return 'It rains';
      },
    });
    const task = { model: model(), prompt, tools: { weather }, stopWhen: stepCountIs(3) };
    expect((await generateText(task)).text).toMatch(/^You said: .*It rains/);
    expect(await streamText(task).text).toMatch(/^You said: .*It rains/);
    expect(asked).toEqual([prompt, prompt]);
  });

  it('a structured output has the form of its schema', async () => {
    const { output } = await generateText({
      model: model(),
      prompt,
      output: Output.object({ schema: place }),
    });
    expect(output).toEqual({ place: prompt });
  });

  it('texts are embedded in their order', async () => {
    const embedder = provider.embeddingModel('vectors');
    const values = ['The lamp burns oil', 'The keeper trims the wick'];
    expect((await embed({ model: embedder, value: values[0]! })).embedding).toEqual(vectorOf(values[0]!, 64));
    const { embeddings } = await embedMany({ model: embedder, values });
    expect(embeddings).toEqual(values.map((text) => vectorOf(text, 64)));
  });

  it('another provider takes over before the first word', async () => {
    await door.first.behave({ kind: 'cut', afterTokens: 0, how: 'rst' });
    const stream = streamText({ model: model(), prompt });
    expect(await stream.text).toMatch(SAID);
    expect((await stream.response).modelId).toBe('small');
  });

  it('a stream that breaks off is an error, wherever it does', async () => {
    for (let token = 1; token <= 4; token += 1) {
      await door.first.behave({ kind: 'unfinished', afterTokens: token });
      const errors: unknown[] = [];
      const stream = streamText({ model: model(), prompt, onError: ({ error }) => void errors.push(error) });
      await stream.consumeStream();
      expect(errors).toHaveLength(1);
      expect(JSON.stringify(errors[0]) + String(errors[0])).toContain('llm.first');
    }
  });

  it('a request that is at fault is an error with its status and words', async () => {
    const failure = generateText({ model: provider.chatModel('gpt-none'), prompt, maxRetries: 0 });
    await expect(failure).rejects.toMatchObject({
      statusCode: 404,
      message: expect.stringContaining('gpt-none'),
    });
  });

  it('one who leaves ends the call to the provider', async () => {
    await door.both({ kind: 'drip', everyMs: 50 });
    const leaving = new AbortController();
    const stream = streamText({ model: model(), prompt, abortSignal: leaving.signal });
    await stream.textStream[Symbol.asyncIterator]().next();
    leaving.abort();
    await eventually(() => door.first.of('chat').at(-1)!.abandonedAtMs);
  });
});
