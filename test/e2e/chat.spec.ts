import { type Booted, boot } from '../support/boot.js';
import { ingest } from '../support/documents.js';
import { eventually } from '../support/eventually.js';
import { answerTo } from '../support/provider.model.ts';
import { type Provider, startProvider } from '../support/provider.ts';
import { sha256, SseReader } from '../support/sse.js';

const QUESTION = 'What does the lamp burn?';
const CONTENT =
  '# Lighthouse keeping\n\nThe lamp burns colza oil in winter. The keeper trims the wick every four hours.\n';
const NOBODY = '01890000-0000-7000-8000-000000000000';

let provider: Provider;
let service: Booted;
/** What the model says of what somebody wants. */
let judgement: object | string = {};

beforeAll(async () => {
  provider = await startProvider({
    says: (prompt) => {
      if (prompt.startsWith('Message: '))
        return typeof judgement === 'string' ? judgement : JSON.stringify(judgement);
      return prompt.startsWith('Before: ') ? 'They spoke of lamps.' : answerTo(prompt);
    },
    nonces: false,
  });
  service = await boot({
    LLM_PROVIDERS: 'only',
    ONLY_BASE_URL: provider.url,
    ONLY_MODEL: 'large',
    CHAT_HISTORY_TOKENS: '60',
    ESCALATION_SLA_S: '600',
    CIRCUIT_BACKOFF_MIN_MS: '100',
    CIRCUIT_BACKOFF_MAX_MS: '200',
  });
  await ingest(service.api, { title: 'Keeping', content: CONTENT, content_type: 'text/markdown' });
});
afterAll(async () => {
  await service?.close();
  await provider?.stop();
});
beforeEach(async () => {
  judgement = { intent: 'question', confidence: 0.8, needs_person: false };
  await provider.behave(undefined);
  provider.requests.length = 0;
  const { Dependencies } = await import('../../src/resilience/dependencies.js');
  for (const dependency of service.app.get(Dependencies)) dependency.reset();
});

const open = async (body: object = {}) => {
  const reply = await service.api('POST', '/api/v1/chat/sessions', body);
  expect(reply.status).toBe(201);
  return reply.body.session_id as string;
};
const say = (session: string, content: string, headers: Record<string, string> = {}) =>
  service.api('POST', `/api/v1/chat/sessions/${session}/messages`, { content }, headers);
const messages = async (session: string, query = '') =>
  (await service.api('GET', `/api/v1/chat/sessions/${session}/messages${query}`)).body;
const replies = () => provider.of('chat').filter(({ body }) => body.temperature === 0.7);

describe('A conversation', () => {
  it('is answered from the documents, and kept', async () => {
    const session = await open({ user_id: 'ann', metadata: { channel: 'web' } });
    const { status, headers, body } = await say(session, QUESTION);
    expect(status).toBe(200);
    expect(headers.get('x-answer-level')).toBe('full');
    expect(body).toMatchObject({
      message_id: expect.any(String),
      content: 'The lamp burns colza oil in winter. [1]',
      intent: { name: 'question', confidence: 0.8, by: 'model' },
      citations: [{ n: 1, title: 'Keeping' }],
      answer_level: 'full',
      retrieval: 'hybrid',
      degraded_because: [],
      escalation: null,
    });
    const { message_id, content, ...reply } = body;
    expect((await messages(session)).data).toMatchObject([
      { role: 'user', content: QUESTION, reply: null },
      { role: 'assistant', message_id, content, reply },
    ]);
    expect((await service.api('GET', `/api/v1/chat/sessions/${session}`)).body).toMatchObject({
      session_id: session,
      user_id: 'ann',
      metadata: { channel: 'web' },
      messages: 2,
      escalation: null,
    });
  });

  it('asks models at the temperatures that are fixed for it', async () => {
    await say(await open(), QUESTION);
    const temperatures = new Set(provider.of('chat').map(({ body }) => body.temperature));
    expect(temperatures).toEqual(new Set([0.3, 0.7]));
  });

  it('tells the model what was said before, and sums up what does not fit', async () => {
    const session = await open();
    await say(session, 'My name is Ann.');
    await say(session, QUESTION);
    expect(
      replies()
        .at(-1)!
        .body.messages.map(({ content }: { content: string }) => content),
    ).toContain('My name is Ann.');
    const summed = await eventually(async () => {
      await say(session, 'And when is the wick trimmed in a night?');
      const said = replies().at(-1)!.body.messages as { content: string }[];
      return said.find(({ content }) => content.includes('in short: They spoke of lamps.'));
    });
    expect(summed).toBeDefined();
  });

  it('comes as it is written, and is stored when it is told to be whole', async () => {
    const session = await open();
    const url = `${service.url}/api/v1/chat/sessions/${session}/messages`;
    const reader = await SseReader.post(url, { content: QUESTION, stream: true });
    await reader.end();
    expect(reader.last).toMatchObject({
      event: 'done',
      data: { sha256: sha256(reader.text), intent: { name: 'question' }, escalation: null },
    });
    expect((await messages(session)).data.at(-1)).toMatchObject({
      message_id: reader.last!.data.message_id,
      content: reader.text,
    });
  });

  it('keeps nothing of an exchange whose reader left', async () => {
    const session = await open();
    await provider.behave({ kind: 'drip', everyMs: 200 });
    const url = `${service.url}/api/v1/chat/sessions/${session}/messages`;
    const reader = await SseReader.post(url, { content: QUESTION, stream: true });
    await eventually(() => reader.of('token').length > 0);
    reader.leave();
    await eventually(() => replies()[0]!.abandonedAtMs, {
      timeoutMs: 5_000,
    });
    expect((await messages(session)).data).toEqual([]);
  });

  it('takes a message once for one Idempotency-Key', async () => {
    const session = await open();
    const key = { 'Idempotency-Key': 'say-once' };
    const first = await say(session, QUESTION, key);
    expect((await say(session, QUESTION, key)).body).toEqual(first.body);
    const url = `${service.url}/api/v1/chat/sessions/${session}/messages`;
    const reader = await SseReader.post(
      url,
      { content: QUESTION, stream: true },
      { 'idempotency-key': 'say-once' },
    );
    await reader.end();
    expect(reader.text).toBe(first.body.content);
    expect(reader.last!.data.message_id).toBe(first.body.message_id);
    expect((await messages(session)).data).toHaveLength(2);
  });

  it('is listed in pages, oldest first', async () => {
    const session = await open();
    for (const content of ['One?', 'Two?']) await say(session, content);
    const first = await messages(session, '?limit=3');
    const rest = await messages(session, `?limit=3&cursor=${first.next_cursor}`);
    expect([...first.data, ...rest.data].map(({ role }: { role: string }) => role)).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
    ]);
    expect(rest.next_cursor).toBeNull();
  });

  it('goes on with every model down, by rules and from the documents', async () => {
    await provider.behave({ kind: 'refuse' });
    const session = await open();
    expect((await say(session, QUESTION)).body).toMatchObject({
      content: 'The lamp burns colza oil in winter. [1]',
      intent: { name: 'question', by: 'rules' },
      answer_level: 'extractive',
      model: null,
      degraded_because: [{ dependency: 'llm.only', reason: expect.any(String) }],
      escalation: null,
    });
    expect((await say(session, 'Hello!')).body.content).toMatch(/^Hello/);
  });

  it('is judged by rules where the model does not say what it was asked to', async () => {
    judgement = 'I would rather not.';
    expect((await say(await open(), QUESTION)).body.intent).toMatchObject({ name: 'question', by: 'rules' });
  });

  it('is there for its own business alone', async () => {
    const session = await open({ business_id: 'mine' });
    for (const path of ['', '/messages'])
      expect(
        (await service.api('GET', `/api/v1/chat/sessions/${session}${path}?business_id=other`)).status,
      ).toBe(404);
    const body = { content: QUESTION, business_id: 'other' };
    expect((await service.api('POST', `/api/v1/chat/sessions/${session}/messages`, body)).status).toBe(404);
    expect((await say(NOBODY, QUESTION)).status).toBe(404);
  });

  it.each([
    ['content', { content: ' ' }],
    ['content', {}],
    ['stream', { content: 'x', stream: 1 }],
  ])('takes no message whose %s is wrong', async (path, body) => {
    const reply = await service.api('POST', `/api/v1/chat/sessions/${NOBODY}/messages`, body);
    expect(reply.status).toBe(422);
    expect(reply.body.errors).toEqual([{ path, message: expect.any(String) }]);
  });
});

describe('A conversation is escalated', () => {
  it('when somebody asks for a person, which needs no model', async () => {
    await provider.behave({ kind: 'refuse' });
    const session = await open();
    const { body } = await say(session, 'I want to speak to a human.');
    expect(body).toMatchObject({
      intent: { name: 'request_human', by: 'rules' },
      escalation: { id: expect.any(String), reason: 'requested' },
    });
    expect((await service.api('GET', `/api/v1/chat/sessions/${session}`)).body.escalation).toMatchObject({
      id: body.escalation.id,
      status: 'open',
      overdue: false,
    });
  });

  it('by the word of the model', async () => {
    judgement = { intent: 'complaint', confidence: 0.9, needs_person: true };
    expect((await say(await open(), 'My lawyer will call.')).body.escalation).toMatchObject({
      reason: 'model',
    });
  });

  it('when nobody can say what is wanted', async () => {
    judgement = { intent: 'other', confidence: 0.1 };
    expect((await say(await open(), 'Umpf.')).body.escalation).toMatchObject({ reason: 'low_confidence' });
  });

  it('when two questions in a row find no answer, and not before', async () => {
    const session = await open();
    expect((await say(session, 'Which moons does Jupiter have?')).body.escalation).toBeNull();
    expect((await say(session, QUESTION)).body.escalation).toBeNull();
    expect((await say(session, 'Which moons does Saturn have?')).body.escalation).toBeNull();
    const { body } = await say(session, 'And how many has Uranus got?');
    expect(body.escalation).toMatchObject({ reason: 'repeated_failure' });
  });

  it('by a request of its own, once, until a person has resolved it', async () => {
    const business_id = 'queue';
    const session = await open({ business_id });
    const path = `/api/v1/chat/sessions/${session}/escalate`;
    const escalate = () => service.api('POST', path, { reason: 'The customer is waiting.', business_id });
    const { status, body } = await escalate();
    expect(status).toBe(201);
    expect((await escalate()).body).toEqual(body);
    const queue = async (query: string) =>
      (await service.api('GET', `/api/v1/escalations?business_id=${business_id}${query}`)).body.data;
    const [waiting] = await queue('&status=open');
    expect(waiting).toMatchObject({
      id: body.escalation_id,
      session_id: session,
      reason: 'The customer is waiting.',
      status: 'open',
      claimed_at: null,
      resolved_at: null,
    });
    expect(Date.parse(waiting.due_at) - Date.parse(waiting.created_at)).toBe(600_000);
    const change = (to: string) =>
      service.api('PATCH', `/api/v1/escalations/${body.escalation_id}`, { status: to, business_id });
    expect((await change('claimed')).body).toMatchObject({
      status: 'claimed',
      claimed_at: expect.any(String),
    });
    expect((await change('claimed')).status).toBe(409);
    expect((await change('resolved')).body).toMatchObject({
      status: 'resolved',
      resolved_at: expect.any(String),
    });
    expect((await change('claimed')).status).toBe(409);
    expect((await change('waiting')).status).toBe(422);
    expect(await queue('&status=open')).toEqual([]);
    expect((await escalate()).body.escalation_id).not.toBe(body.escalation_id);
  });

  it('is claimed by one of many who want to', async () => {
    const session = await open();
    const { body } = await service.api('POST', `/api/v1/chat/sessions/${session}/escalate`, {
      reason: 'Now.',
    });
    const claims = await Promise.all(
      Array.from({ length: 8 }, () =>
        service.api('PATCH', `/api/v1/escalations/${body.escalation_id}`, { status: 'claimed' }),
      ),
    );
    expect(claims.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('never for what is not there', async () => {
    const path = `/api/v1/chat/sessions/${NOBODY}/escalate`;
    expect((await service.api('POST', path, { reason: 'Why not.' })).status).toBe(404);
    expect((await service.api('PATCH', `/api/v1/escalations/${NOBODY}`, { status: 'claimed' })).status).toBe(
      404,
    );
  });
});
