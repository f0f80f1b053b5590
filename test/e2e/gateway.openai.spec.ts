import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import type { ChatCompletionFunctionTool } from 'openai/resources';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { boot } from '../support/boot.js';
import { Door } from '../support/door.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { vectorOf } from '../support/provider.model.ts';
import type { ProviderFault } from '../support/provider.ts';

const HELLO = [{ role: 'user' as const, content: 'Hello there' }];
const SAID = /^You said: Hello there nonce-/;
const TOOL: ChatCompletionFunctionTool = {
  type: 'function',
  function: {
    name: 'weather',
    parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
  },
};

let door: Door;
let client: OpenAI;
beforeAll(async () => {
  door = await Door.open({}, { extras: { x_provider: { nested: [1, null, 'two'] } } });
  client = door.client();
}, 60_000);
afterAll(() => door?.close());
afterEach(() => door.heal());

describe('Through the official SDK', () => {
  it('a chat is answered by the first provider, with its own model and key', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: 'mainstay', messages: HELLO })
      .withResponse();
    expect(data.choices[0]!.message.content).toMatch(SAID);
    expect(data).toMatchObject({ object: 'chat.completion', model: 'large' });
    expect(data.usage!.total_tokens).toBeGreaterThan(0);
    expect(response.headers.get('x-answer-level')).toBe('full');
    const { headers, body } = door.first.of('chat').at(-1)!;
    expect(headers['authorization']).toBe('Bearer key-of-the-first');
    expect(body.model).toBe('large');
  });

  it('a chat is streamed piece by piece, with its usage only where that is asked for', async () => {
    const read = async (options: object) => {
      const stream = await client.chat.completions.create({
        model: 'mainstay',
        messages: HELLO,
        stream: true,
        ...options,
      });
      const chunks = [];
      for await (const chunk of stream) chunks.push(chunk);
      return chunks;
    };
    const chunks = await read({});
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toMatch(SAID);
    expect(chunks.length).toBeGreaterThan(3);
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe('stop');
    expect(chunks.every(({ usage }) => usage === undefined)).toBe(true);
    const counted = await read({ stream_options: { include_usage: true } });
    expect(counted.at(-1)!.usage!.completion_tokens).toBeGreaterThan(0);
  });

  it('a tool is called and its result is read, whole and streamed', async () => {
    const asked = { model: 'mainstay', messages: HELLO, tools: [TOOL] };
    const whole = await client.chat.completions.create(asked);
    const runner = client.chat.completions.stream(asked);
    const streamed = await runner.finalChatCompletion();
    for (const { choices } of [whole, streamed]) {
      const [call] = choices[0]!.message.tool_calls!;
      expect(choices[0]!.finish_reason).toBe('tool_calls');
      expect(call).toMatchObject({ function: { name: 'weather', arguments: '{"place":"Hello there"}' } });
      const result = { role: 'tool' as const, tool_call_id: call!.id, content: 'It rains' };
      const messages = [...HELLO, choices[0]!.message, result];
      const answer = await client.chat.completions.create({ ...asked, messages });
      expect(answer.choices[0]!.message.content).toMatch(/^You said: It rains/);
    }
  });

  it('a structured output has the form of its schema', async () => {
    const Form = z.object({ greeting: z.string(), words: z.array(z.string()), length: z.number() });
    const answer = await client.chat.completions.parse({
      model: 'mainstay',
      messages: HELLO,
      response_format: zodResponseFormat(Form, 'form'),
    });
    expect(answer.choices[0]!.message.parsed).toEqual({
      greeting: 'Hello there',
      words: ['Hello there'],
      length: 11,
    });
  });

  it('texts are embedded in their order, as floats and as base64', async () => {
    const input = ['The lamp burns oil', 'The keeper trims the wick'];
    const expected = input.map((text) => vectorOf(text, 64));
    for (const encoding of [{}, { encoding_format: 'float' }, { encoding_format: 'base64' }] as const) {
      const { data, model } = await client.embeddings.create({ model: 'vectors', input, ...encoding });
      expect(model).toBe('vectors');
      expect(data.map(({ index }) => index)).toEqual([0, 1]);
      for (const [i, { embedding }] of data.entries()) {
        const vector =
          typeof embedding === 'string'
            ? [...new Float32Array(Uint8Array.from(Buffer.from(embedding as string, 'base64')).buffer)]
            : embedding;
        expect(vector).toHaveLength(64);
        for (const [j, x] of vector.entries()) expect(x).toBeCloseTo(expected[i]![j]!, 6);
      }
    }
    const one = await client.embeddings.create({ model: 'mainstay', input: 'A lamp', dimensions: 64 });
    expect(one.data).toHaveLength(1);
  });

  it('the models are those of the settings, and the name of whichever can', async () => {
    const page = await client.models.list();
    expect(page.data.map(({ id, owned_by }) => [id, owned_by])).toEqual([
      ['mainstay', 'mainstay'],
      ['large', 'first'],
      ['small', 'second'],
      ['vectors', 'first'],
    ]);
    expect(await client.models.retrieve('small')).toMatchObject({ id: 'small', object: 'model' });
    await expect(client.models.retrieve('a/b')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  it('a model is asked where it is, and nowhere else', async () => {
    const before = door.first.of('chat').length;
    const { model } = await client.chat.completions.create({ model: 'small', messages: HELLO });
    expect(model).toBe('small');
    await door.second.behave({ kind: 'status', status: 500 });
    await expect(client.chat.completions.create({ model: 'small', messages: HELLO })).rejects.toThrow(
      OpenAI.InternalServerError,
    );
    expect(door.first.of('chat')).toHaveLength(before);
  });

  it('a client that aborts is rid of it at once, and so is the provider', async () => {
    await door.both({ kind: 'drip', everyMs: 50 });
    const leaving = new AbortController();
    const stream = await client.chat.completions.create(
      { model: 'mainstay', messages: HELLO, stream: true },
      { signal: leaving.signal },
    );
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const request = door.first.of('chat').at(-1)!;
    const leftMs = performance.now();
    leaving.abort();
    const goneMs = await eventually(() => request.abandonedAtMs);
    expect(goneMs - leftMs).toBeLessThan(1_000);
  });

  it('a client that aborts before the answer begins ends the call to the provider as well', async () => {
    await door.first.behave({ kind: 'hang', at: 'headers' });
    for (const stream of [false, true]) {
      const leaving = new AbortController();
      const before = door.first.of('chat').length;
      const answer = client.chat.completions.create(
        { model: 'mainstay', messages: HELLO, stream },
        { signal: leaving.signal },
      );
      const failure = answer.then(undefined, (error: unknown) => error);
      const request = await eventually(() => door.first.of('chat')[before]);
      leaving.abort();
      expect(await failure).toBeInstanceOf(OpenAI.APIUserAbortError);
      await eventually(() => request.abandonedAtMs);
    }
  });
});

describe('What goes wrong comes as the official SDK knows it', () => {
  const ask = (body: object = {}, options: object = {}) =>
    client.chat.completions.create({ model: 'mainstay', messages: HELLO, ...body } as never, options);

  it('a model that nobody has', async () => {
    const error = await ask({ model: 'gpt-none' }).then(undefined, (e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model', type: 'invalid_request_error' });
    await expect(client.embeddings.create({ model: 'large', input: 'x' })).rejects.toThrow(
      OpenAI.NotFoundError,
    );
  });

  it('a path that there is not, and a body that cannot be read', async () => {
    const { api } = door.service;
    expect(await api('GET', '/v1/nothing')).toMatchObject({
      status: 404,
      body: { error: { type: 'invalid_request_error', code: 'unknown_url', param: null } },
    });
    const json = { 'content-type': 'application/json' };
    expect(await api('POST', '/v1/chat/completions', '{"messages": [', json)).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', message: expect.any(String) } },
    });
    expect(
      await api('POST', '/v1/chat/completions', { messages: HELLO, metadata: { x: 'y'.repeat(3e6) } }),
    ).toMatchObject({
      status: 413,
      body: { error: { type: 'invalid_request_error' } },
    });
  });

  it.each([
    ['no message', { messages: [] }, 'messages'],
    ['a message of nobody', { messages: [{ content: 'x' }] }, 'messages.0.role'],
    ['a word for a flag', { stream: 'yes' }, 'stream'],
    ['a wish for knowledge that is none', { metadata: { knowledge: 'maybe' } }, 'metadata.knowledge'],
  ])('%s', async (_what, body, param) => {
    const error = await ask(body).then(undefined, (e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param, type: 'invalid_request_error' });
  });

  it.each([
    ['lists of tokens', { input: [[1, 2], [3]] }, 'input', /tokens/],
    ['a list of tokens', { input: [1, 2, 3] }, 'input', /tokens/],
    ['another dimension', { dimensions: 32 }, 'dimensions', /must be 64/],
    ['an encoding that there is not', { encoding_format: 'hex' }, 'encoding_format', /float or base64/],
  ])('%s to embed', async (_what, body, param, message) => {
    const error = await client.embeddings
      .create({ model: 'vectors', input: 'x', ...body } as never)
      .then(undefined, (e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param, message: expect.stringMatching(message) });
  });

  it('what a provider refuses, in its own words, and nothing is held against it', async () => {
    await door.both({ kind: 'context_length' });
    for (const stream of [false, true]) {
      const before = door.second.of('chat').length;
      const error = await ask({ stream }).then(undefined, (e: unknown) => e);
      expect(error).toBeInstanceOf(OpenAI.BadRequestError);
      expect(error).toMatchObject({
        code: 'context_length_exceeded',
        message: expect.stringContaining("This model's maximum context length is 8 tokens"),
      });
      expect(door.second.of('chat')).toHaveLength(before);
    }
    const refused = await client.embeddings
      .create({ model: 'vectors', input: 'x' })
      .then(undefined, (e: unknown) => e);
    expect(refused).toBeInstanceOf(OpenAI.BadRequestError);
    await door.both(undefined);
    expect((await ask()).model).toBe('large');
    const { body } = await door.service.api('GET', '/api/v1/health/diagnostics');
    expect(body.dependencies['llm.first']).toMatchObject({ status: 'up', last_error: null });
  });

  it('that every provider is used up, and when to come again', async () => {
    await door.both({ kind: 'rate_limited', headers: { 'retry-after': '7' } });
    for (const stream of [false, true]) {
      const error = await ask({ stream }).then(undefined, (e: unknown) => e);
      expect(error).toBeInstanceOf(OpenAI.RateLimitError);
      expect(error).toMatchObject({ code: 'rate_limit_exceeded', type: 'rate_limit_error' });
      const wait = Number((error as { headers: Headers }).headers.get('retry-after'));
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(7);
    }
  });

  it('that no provider can', async () => {
    for (const fault of [{ kind: 'status', status: 500 }, { kind: 'unauthorized' }] as ProviderFault[]) {
      await door.both(fault);
      for (const stream of [false, true]) {
        const error = await ask({ stream }).then(undefined, (e: unknown) => e);
        expect(error).toMatchObject({
          status: 503,
          code: 'dependency_unavailable',
          message: expect.stringMatching(/llm\.first .*llm\.second/),
        });
        expect((error as { headers: Headers }).headers.get('retry-after')).toMatch(/^\d+$/);
      }
      await door.heal();
    }
  });

  it('that the time was up', async () => {
    await door.both({ kind: 'hang', at: 'headers' });
    const headers = { 'X-Request-Timeout-Ms': '700' };
    for (const stream of [false, true])
      await expect(ask({ stream }, { headers })).rejects.toMatchObject({
        status: 504,
        code: 'deadline_exceeded',
      });
  });

  it('that nobody is there', async () => {
    const nowhere = door.client({ baseURL: 'http://127.0.0.1:1/v1' });
    await expect(nowhere.models.list()).rejects.toThrow(OpenAI.APIConnectionError);
  });
});

describe('Where credentials are asked for', () => {
  const SECRET = 'a secret that is at least 32 characters long';
  const token = (scope: string) =>
    new SignJWT({ business_id: 'acme', scope })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('10m')
      .sign(new TextEncoder().encode(SECRET));

  it('the key of the SDK is the token, and what is wrong with it is said as OpenAI says it', async () => {
    const closed = await Door.open({ JWT_SECRET_KEY: SECRET });
    try {
      const ask = (apiKey: string, body: object = {}) =>
        closed
          .client({ apiKey })
          .chat.completions.create({ model: 'mainstay', messages: HELLO, ...body } as never);
      await expect(ask('wrong')).rejects.toThrow(OpenAI.AuthenticationError);
      await expect(ask('wrong')).rejects.toMatchObject({ code: 'invalid_api_key' });
      await expect(ask(await token('write'))).rejects.toThrow(OpenAI.PermissionDeniedError);
      const reader = await token('read');
      await expect(ask(reader, { business_id: 'other' })).rejects.toThrow(OpenAI.PermissionDeniedError);
      expect((await ask(reader, { business_id: 'acme', user: 'u-1' })).choices[0]!.message.content).toMatch(
        SAID,
      );
      const { body } = closed.first.of('chat').at(-1)!;
      expect(body).toMatchObject({ user: 'u-1' });
      expect(body).not.toHaveProperty('business_id');
    } finally {
      await closed.close();
    }
  });
});

describe('Without a provider', () => {
  it('the door says what to set up, and lists no model', async () => {
    const service = await boot();
    try {
      const bare = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
      const failures = [
        bare.chat.completions.create({ model: 'mainstay', messages: HELLO }),
        bare.chat.completions.create({ model: 'mainstay', messages: HELLO, stream: true }),
        bare.embeddings.create({ model: 'mainstay', input: 'x' }),
      ];
      for (const failure of failures)
        await expect(failure).rejects.toMatchObject({
          status: 503,
          type: 'server_error',
          message: expect.stringContaining('LLM_PROVIDERS'),
        });
      expect((await bare.models.list()).data).toEqual([]);
    } finally {
      await service.close();
    }
  });
});

describe('What this service does not know', () => {
  it('reaches the provider as it was sent, and the client as it was answered', async () => {
    const sent = {
      x_unknown: { deep: [1, 2.5, { a: null }], text: 'äöü \u{1F980} "quoted"' },
      seed: 7,
      metadata: { order: '17' },
      messages: [
        {
          role: 'developer',
          content: [{ type: 'text', text: 'Be brief', cache_control: { type: 'ephemeral' } }],
        },
        { role: 'user', content: 'Hello there', name: 'ada' },
      ],
      logit_bias: { '50256': -100 },
      stop: ['\n\n'],
      user: 'u-1',
    };
    const whole = await door.service.api('POST', '/v1/chat/completions', sent);
    expect(whole.status).toBe(200);
    expect(door.first.of('chat').at(-1)!.body).toEqual({ ...sent, model: 'large' });
    expect(whole.body.x_provider).toEqual({ nested: [1, null, 'two'] });
    const stream = await client.chat.completions.create({
      ...sent,
      model: 'mainstay',
      stream: true,
    } as never);
    const chunks: any[] = [];
    for await (const chunk of stream as unknown as AsyncIterable<unknown>) chunks.push(chunk);
    expect(chunks.every(({ x_provider: extra }) => extra.nested[2] === 'two')).toBe(true);
    expect(door.first.of('chat').at(-1)!.body).toEqual({
      ...sent,
      model: 'large',
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('is counted all the same: what it cost stands in the diagnostics', async () => {
    const spent = async () => {
      const { body } = await door.service.api('GET', '/api/v1/health/diagnostics');
      return JSON.stringify(body).match(/"output_tokens":(\d+)/)?.[1];
    };
    const before = Number(await spent());
    const { usage } = await client.chat.completions.create({ model: 'large', messages: HELLO });
    const between = Number(await spent());
    expect(between - before).toBe(usage!.completion_tokens);
    const stream = client.chat.completions.stream({ model: 'large', messages: HELLO });
    await stream.done();
    await eventuallyHolds(async () => expect(Number(await spent())).toBeGreaterThan(between));
  });
});
