import OpenAI from 'openai';
import { Door } from '../support/door.js';
import { ingest } from '../support/documents.js';

const CANARY = 'zirconium-heron';
const QUESTION = 'What does the lamp burn?';
const FACT = 'The lamp burns colza oil in winter.';
const LINK = 'https://evil.example/collect?x=1';
// Cites what it was shown, a passage that there is not, and an address that no passage holds.
const says = (prompt: string) =>
  prompt.includes(FACT)
    ? `${FACT} [1] As nobody says [9], see ![x](${LINK}) it is so.`
    : `Nothing is known. ${prompt}`;

let door: Door;
let client: OpenAI;
beforeAll(async () => {
  door = await Door.open({}, { nonces: false, says });
  client = door.client();
  await ingest(door.service.api, {
    title: 'Keeping\nlamps',
    content: `# Lamps\n\n${FACT} The keeper trims the wick every four hours.\n`,
    content_type: 'text/markdown',
    business_id: 'acme',
  });
  await ingest(door.service.api, {
    title: 'Secret lamp',
    content: `# Secret\n\nThe lamp of the other burns ${CANARY} in winter.\n`,
    content_type: 'text/markdown',
    business_id: 'other',
  });
}, 60_000);
afterAll(() => door?.close());
afterEach(() => door.heal());

const body = (more: object = {}): any => ({
  model: 'mainstay',
  messages: [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: QUESTION },
  ],
  metadata: { knowledge: 'true' },
  business_id: 'acme',
  ...more,
});
const SHOWN = `${FACT} [1] As nobody says, see x it is so.\n\nSources:\n[1] Keeping lamps`;
const CITATION = {
  n: 1,
  document_id: expect.any(String),
  title: expect.stringContaining('Keeping'),
  text: expect.stringContaining(FACT),
};

describe('A chat completion with knowledge', () => {
  it('rests on the documents of the tenant, and says on which', async () => {
    for (const knowledge of [true, 'true']) {
      const { data, response } = await client.chat.completions
        .create(body({ metadata: { knowledge } }) as OpenAI.ChatCompletionCreateParamsNonStreaming)
        .withResponse();
      const message = data.choices[0]!.message as OpenAI.ChatCompletionMessage & { citations: unknown };
      expect(message.content).toBe(SHOWN);
      expect(message.citations).toEqual([expect.objectContaining(CITATION)]);
      expect(response.headers.get('x-retrieval')).toBe('hybrid');
    }
    const { body: sent } = door.first.of('chat').at(-1)!;
    expect(sent).not.toHaveProperty('metadata');
    expect(sent).not.toHaveProperty('business_id');
    const [system, user] = sent.messages;
    const [boundary] = /=====[\w-]+=====/.exec(system.content)!;
    expect(system.content.startsWith('Be brief.\n\n')).toBe(true);
    expect(user.content.startsWith(`${QUESTION}\n\n${boundary}\n[1] Keeping lamps\n`)).toBe(true);
    expect(user.content.endsWith(boundary)).toBe(true);
  });

  it('says so in a stream, with the last piece of its text', async () => {
    const stream = await client.chat.completions.create(
      body({
        stream: true,
        stream_options: { include_usage: true },
      }) as OpenAI.ChatCompletionCreateParamsStreaming,
    );
    let text = '';
    const citations: unknown[] = [];
    const finishes: unknown[] = [];
    let tokens = 0;
    for await (const { choices, usage } of stream) {
      tokens += usage?.completion_tokens ?? 0;
      if (choices[0] === undefined) continue;
      const delta = choices[0].delta as { content?: string; citations?: unknown[] };
      expect(finishes).toEqual([]);
      text += delta.content ?? '';
      citations.push(...(delta.citations ?? []));
      if (choices[0].finish_reason !== null) finishes.push(choices[0].finish_reason);
    }
    expect(text).toBe(SHOWN);
    expect(citations).toEqual([expect.objectContaining(CITATION)]);
    expect(finishes).toEqual(['stop']);
    expect(tokens).toBeGreaterThan(0);
  });

  it('ends with an error where it broke off, as any stream', async () => {
    await door.first.behave({ kind: 'cut', afterTokens: 3, how: 'fin' });
    const { body: bytes } = await door.service.api('POST', '/v1/chat/completions', body({ stream: true }));
    expect(bytes).not.toContain('[DONE]');
    expect(bytes.trimEnd().split('\n\n').at(-1)).toContain('"error"');
  });

  it('holds nothing of another tenant, in what the model is told and in what it says', async () => {
    for (const stream of [false, true]) {
      const asked = body({
        stream,
        messages: [{ role: 'user', content: `What does the lamp of the other burn? ${QUESTION}` }],
      });
      const { body: answer } = await door.service.api('POST', '/v1/chat/completions', asked);
      expect(JSON.stringify(answer)).not.toContain(CANARY);
      expect(JSON.stringify(door.first.of('chat').at(-1)!.body)).not.toContain(CANARY);
      const own = await door.service.api('POST', '/v1/chat/completions', { ...asked, business_id: 'other' });
      expect(JSON.stringify(own.body)).toContain(CANARY);
    }
  });

  it('tells the model where the documents hold nothing', async () => {
    const { body: answer } = await door.service.api(
      'POST',
      '/v1/chat/completions',
      body({ business_id: 'nobody' }),
    );
    expect(answer.choices[0].message).toMatchObject({ citations: [] });
    expect(answer.choices[0].message.content).not.toContain('Sources:');
    expect(door.first.of('chat').at(-1)!.body.messages[0].content).toContain('hold nothing that fits');
  });

  it('finds the question in the parts of a message, before the results of tools', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
    const messages = [
      { role: 'user', content: [{ type: 'text', text: QUESTION }, image] },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: FACT },
    ];
    const { body: answer } = await door.service.api('POST', '/v1/chat/completions', body({ messages }));
    expect(answer.choices[0].message.citations).toEqual([expect.objectContaining(CITATION)]);
    const [, user] = door.first.of('chat').at(-1)!.body.messages;
    expect(user.content.slice(0, 2)).toEqual(messages[0]!.content);
    expect(user.content[2].text).toContain(FACT);
  });

  it('calls a tool as ever', async () => {
    const tools = [
      { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } },
    ];
    const { body: answer } = await door.service.api('POST', '/v1/chat/completions', body({ tools }));
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, citations: [] },
    });
  });

  it.each([
    ['response_format', { response_format: { type: 'json_object' } }],
    ['n', { n: 2 }],
    ['messages', { messages: [{ role: 'assistant', content: 'Yes?' }] }],
  ])('is refused where %s leaves no place for it', async (param, more) => {
    await expect(client.chat.completions.create(body(more))).rejects.toMatchObject({
      status: 400,
      param,
    });
  });

  it('is not asked for by other metadata, which the provider gets', async () => {
    await client.chat.completions.create(body({ metadata: { knowledge: 'false', order: '17' } }) as never);
    const sent = door.first.of('chat').at(-1)!.body;
    expect(sent.metadata).toEqual({ order: '17' });
    expect(JSON.stringify(sent.messages)).not.toContain(FACT);
  });
});
