import { type Booted, boot } from '../support/boot.js';
import { ingest } from '../support/documents.js';
import { eventually } from '../support/eventually.js';
import { answerTo, tokensOf } from '../support/provider.model.ts';
import { type Provider, type ProviderFault, startProvider } from '../support/provider.ts';
import { sha256, SseReader, textOf } from '../support/sse.js';

const QUESTION = 'What does the lamp burn?';
const QUOTED = 'The lamp burns colza oil in winter. [1]';
const SAID = 'It burns colza oil. [1] That is so in winter only, and the wick is trimmed. [1]';
const CONTENT = `# Lighthouse keeping\n\n${QUOTED.slice(0, -4)} The keeper trims the wick every four hours.\n`;
const says = (prompt: string) => (prompt.includes(QUESTION) ? SAID : answerTo(prompt));
const TOKENS = tokensOf(SAID).length;

let first: Provider;
let second: Provider;
let service: Booted;

async function given(nonces: boolean): Promise<void> {
  [first, second] = await Promise.all([startProvider({ nonces, says }), startProvider({ nonces, says })]);
  service = await boot({
    LLM_PROVIDERS: 'first,second',
    FIRST_BASE_URL: first.url,
    FIRST_MODEL: 'large',
    SECOND_BASE_URL: second.url,
    SECOND_MODEL: 'small',
    LLM_FIRST_TOKEN_TIMEOUT_MS: '600',
    LLM_IDLE_TIMEOUT_MS: '800',
    // No circuit opens: each stream meets the fault itself.
    CIRCUIT_CONSECUTIVE_FAULTS: '1000',
    CIRCUIT_WINDOW_CALLS: '10000',
    ANSWER_CACHE_SIZE: '0',
    STREAM_HEARTBEAT_MS: '1000',
    STREAMS_PER_TENANT_MAX: '3',
  });
  await ingest(service.api, { title: 'Keeping', content: CONTENT, content_type: 'text/markdown' });
}

async function over(): Promise<void> {
  await service?.close();
  await Promise.all([first, second].map((server) => server?.stop()));
}

const post = (body: object = {}, headers: Record<string, string> = {}) =>
  SseReader.post(`${service.url}/api/v1/answers`, { question: QUESTION, stream: true, ...body }, headers);
const read = async (body: object = {}, headers: Record<string, string> = {}) =>
  (await post(body, headers)).end();
const both = (fault: ProviderFault | undefined) => Promise.all([first.behave(fault), second.behave(fault)]);

/** What has to be true of every stream, whatever happened to its providers. */
function expectHonest(reader: SseReader): void {
  expect(reader.response.statusCode).toBe(200);
  expect(reader.last!.event).toBe('done');
  expect(sha256(reader.text)).toBe(reader.last!.data.sha256);
  const numbers = reader.events.map(({ id }) => Number(id!.split(':')[1]));
  expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
  expect(reader.text.split('colza oil').length - 1).toBe(1);
}

const FAULTS: [string, (afterTokens: number) => ProviderFault][] = [
  ['reset', (afterTokens) => ({ kind: 'cut', afterTokens, how: 'rst' })],
  ['closed in the middle', (afterTokens) => ({ kind: 'cut', afterTokens, how: 'fin' })],
  ['closed cleanly without a finish', (afterTokens) => ({ kind: 'unfinished', afterTokens, done: true })],
  ['malformed', (afterTokens) => ({ kind: 'malformed', afterTokens })],
  ['an error inside a 200', (afterTokens) => ({ kind: 'error_event', afterTokens })],
];

describe('A streamed answer', () => {
  beforeAll(() => given(false));
  afterAll(over);
  afterEach(() => both(undefined));

  it('comes word by word, with everything that the whole answer has, and the hash of its text', async () => {
    const reader = await read();
    expectHonest(reader);
    expect(reader.text).toBe(SAID);
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-answer-level': 'full',
      'cache-control': 'no-store',
    });
    expect(reader.events[0]).toMatchObject({
      event: 'meta',
      data: { answer_level: 'full', retrieval: 'hybrid', model: 'large', degraded_because: [] },
    });
    expect(reader.of('token').length).toBeGreaterThan(1);
    const whole = await service.api('POST', '/api/v1/answers', { question: QUESTION });
    const { answer, ...rest } = whole.body;
    expect(answer).toBe(reader.text);
    expect(reader.last!.data).toEqual({ sha256: sha256(answer), ...rest });
  });

  it('is no failure of the service when its reader leaves', async () => {
    const { Traffic } = await import('../../src/telemetry/traffic.js');
    const traffic = service.app.get(Traffic);
    await first.behave({ kind: 'drip', everyMs: 100 });
    const reader = await post();
    await eventually(() => reader.of('token').length > 0);
    await eventually(() => traffic.report().in_flight === 1);
    reader.leave();
    await eventually(() => traffic.report().in_flight === 0);
    expect(traffic.report().errors).toEqual({});
  });

  it('is what another provider says in the same words, where the first was cut at any token', async () => {
    for (const [, fault] of FAULTS) {
      for (let token = 0; token <= TOKENS; token += 1) {
        await first.behave(fault(token));
        const reader = await read();
        expectHonest(reader);
        expect(reader.text).toBe(SAID);
        expect(reader.of('restart')).toEqual([]);
        expect(reader.last!.data).toMatchObject({
          answer_level: 'fallback_model',
          model: 'small',
          degraded_because: [{ dependency: 'llm.first', reason: expect.any(String) }],
        });
      }
    }
  });

  it('is quoted from the documents where both were cut at any token', async () => {
    for (const [, fault] of FAULTS) {
      for (let token = 0; token <= TOKENS; token += 1) {
        await both(fault(token));
        const reader = await read();
        expectHonest(reader);
        expect(reader.text).toBe(QUOTED);
        expect(reader.last!.data).toMatchObject({ answer_level: 'extractive', model: null });
        expect(reader.last!.data.degraded_because).toHaveLength(2);
      }
    }
  });

  it('goes on elsewhere when its provider stalls', async () => {
    await first.behave({ kind: 'stall', afterTokens: 7 });
    const reader = await read();
    expectHonest(reader);
    expect(reader.last!.data).toMatchObject({
      answer_level: 'fallback_model',
      degraded_because: [{ dependency: 'llm.first', reason: 'hung' }],
    });
  });

  it('shows that it is alive while its provider says nothing', async () => {
    await first.behave({ kind: 'drip', everyMs: 250 });
    const reader = await read();
    expectHonest(reader);
    expect(reader.comments).toBeGreaterThan(0);
  });

  it('says that the documents do not answer, where they do not', async () => {
    const reader = await read({ question: 'Which moons does Jupiter have?' });
    expect(reader.text).toBe('The documents do not answer this question.');
    expect(sha256(reader.text)).toBe(reader.last!.data.sha256);
    expect(reader.last!.data.citations).toEqual([]);
  });

  it.each<[string, ProviderFault]>([
    ['before the first word', { kind: 'hang', at: 'headers' }],
    ['between two words', { kind: 'drip', everyMs: 200 }],
  ])('ends the call to the provider when its reader leaves %s', async (_when, fault) => {
    await first.behave({ ...fault, on: ['chat'] });
    const before = first.of('chat').length;
    const reading = post({}, { 'x-request-timeout-ms': '20000' });
    await eventually(() => first.of('chat').length > before);
    if (fault.kind === 'drip') {
      const reader = await reading;
      await eventually(() => reader.of('token').length > 0);
      reader.leave();
      await eventually(() => first.of('chat').at(-1)!.abandonedAtMs, { timeoutMs: 2_000 });
    } else {
      // It hangs: the second is asked as soon as the first is given up.
      (await reading).leave();
      await eventually(() => first.of('chat').at(-1)!.abandonedAtMs, { timeoutMs: 5_000 });
    }
  });

  it('is refused with a status of its own where nothing of it was said', async () => {
    const reader = await SseReader.post(`${service.url}/api/v1/answers`, { question: '', stream: true });
    expect(reader.response.statusCode).toBe(422);
    expect(reader.response.headers['content-type']).toContain('application/problem+json');
    reader.leave();
  });

  it('is one of as many as a tenant may have open, and no more', async () => {
    await both({ kind: 'drip', everyMs: 150 });
    const open = await Promise.all([post(), post(), post()]);
    const refused = await post();
    expect(refused.response.statusCode).toBe(429);
    expect(refused.response.headers['retry-after']).toBe('1');
    refused.leave();
    const elsewhere = await post({ business_id: 'other' });
    expect(elsewhere.response.statusCode).toBe(200);
    for (const reader of [...open, elsewhere]) reader.leave();
    await both(undefined);
    await eventually(async () => (await read()).response.statusCode === 200);
  });

  describe('that broke off', () => {
    it('is told from any event on when it had ended', async () => {
      const whole = await read();
      for (const [i, { id }] of whole.events.entries()) {
        const had = textOf(whole.events.slice(0, i + 1));
        const rest = await read({}, { 'last-event-id': id! });
        expect(textOf(rest.events, had)).toBe(SAID);
        expect(rest.last).toMatchObject({ event: 'done', data: whole.last!.data });
      }
    });

    it('goes on where it was, and nothing comes twice', async () => {
      await first.behave({ kind: 'drip', everyMs: 60 });
      for (const tokens of [1, 3, 5]) {
        const broken = await post();
        await eventually(() => broken.of('token').length >= tokens, { everyMs: 5 });
        broken.leave();
        await broken.end();
        const at = broken.last!;
        // What was said is known as soon as this side knows that its reader has gone.
        const rest = await eventually(async () => {
          const reader = await read({}, { 'last-event-id': at.id! });
          return reader.of('restart').length === 0 ? reader : undefined;
        });
        const text = textOf(rest.events, broken.text);
        expect(text).toBe(SAID);
        expect(sha256(text)).toBe(rest.last!.data.sha256);
      }
    });

    it('begins anew where nothing is known of it', async () => {
      for (const id of ['01890000-0000-7000-8000-000000000000:3', 'nonsense']) {
        const reader = await read({}, { 'last-event-id': id });
        expect(reader.events[0]!.event).toBe('restart');
        expect(textOf(reader.events, 'What he had')).toBe(SAID);
      }
    });

    it('is told to nobody who asks something else, or for another tenant', async () => {
      const { last } = await read();
      for (const body of [{ question: `${QUESTION} Please.` }, { business_id: 'other' }]) {
        const reader = await read(body, { 'last-event-id': last!.id! });
        expect(reader.events[0]!.event).toBe('restart');
        expect(reader.last!.id!.split(':')[0]).not.toBe(last!.id!.split(':')[0]);
      }
    });
  });

  it('is told that the process is ending, and ends well before it does', async () => {
    await first.behave({ kind: 'drip', everyMs: 100 });
    const reader = await post();
    await eventually(() => reader.of('token').length > 0);
    const { ServiceState } = await import('../../src/kernel/service-state.js');
    service.app.get(ServiceState).stop();
    await reader.end();
    expect(reader.of('shutdown')).toHaveLength(1);
    expectHonest(reader);
  });
});

describe('A streamed answer whose providers choose other words', () => {
  beforeAll(() => given(true));
  afterAll(over);

  it('begins anew with the other, and says so, where the first was cut at any token', async () => {
    for (let token = 0; token <= TOKENS; token += 1) {
      await first.behave({ kind: 'cut', afterTokens: token, how: 'rst' });
      const reader = await read();
      expectHonest(reader);
      expect(reader.text).toContain(second.of('chat').at(-1)!.nonce);
      expect(reader.text).not.toContain(first.of('chat').at(-1)!.nonce);
      expect(reader.last!.data).toMatchObject({ answer_level: 'fallback_model', model: 'small' });
    }
  });
});
