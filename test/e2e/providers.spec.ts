import { request } from 'node:http';
import { type Booted, boot } from '../support/boot.js';
import { ingest } from '../support/documents.js';
import { eventually } from '../support/eventually.js';
import { type Provider, type ProviderFault, startProvider } from '../support/provider.ts';
import { startWeb, type Web } from '../support/provider.web.ts';

const QUESTION = 'What does the lamp burn?';
const CONTENT =
  '# Lighthouse keeping\n\nThe lamp burns colza oil in winter. The keeper trims the wick every four hours.\n';
const FIRST_TOKEN_MS = 600;

let first: Provider;
let second: Provider;
let web: Web;
let service: Booted;

beforeAll(async () => {
  [first, second] = await Promise.all([startProvider({ dimension: 256 }), startProvider({ dimension: 256 })]);
  web = await startWeb([
    {
      title: 'Lenses',
      url: 'https://lenses.example/',
      content: 'A Fresnel lens gathers the light of a flame.',
    },
  ]);
  service = await boot({
    LLM_PROVIDERS: 'first,second',
    FIRST_BASE_URL: first.url,
    FIRST_MODEL: 'large',
    FIRST_EMBEDDING_MODEL: 'embedding',
    FIRST_EMBEDDING_DIMENSION: '256',
    SECOND_BASE_URL: second.url,
    SECOND_MODEL: 'small',
    SECOND_EMBEDDING_MODEL: 'embedding',
    SECOND_EMBEDDING_DIMENSION: '256',
    LLM_FIRST_TOKEN_TIMEOUT_MS: String(FIRST_TOKEN_MS),
    LLM_IDLE_TIMEOUT_MS: '300',
    EMBEDDING_CACHE_SIZE: '0',
    ANSWER_CACHE_SIZE: '0',
    EMBEDDING_TIMEOUT_MS: '500',
    CIRCUIT_BACKOFF_MIN_MS: '100',
    CIRCUIT_BACKOFF_MAX_MS: '200',
    HEALTH_INTERVAL_MS: '500',
    TAVILY_API_KEY: 'tvly-canary',
    TAVILY_BASE_URL: web.url,
    TAVILY_RPM: '1000',
    WEB_SEARCH_TIMEOUT_MS: '500',
  });
  await ingest(service.api, { title: 'Keeping', content: CONTENT, content_type: 'text/markdown' });
});
afterAll(async () => {
  await service?.close();
  await Promise.all([first, second, web].map((server) => server?.stop()));
});
afterEach(async () => {
  await Promise.all([first, second, web].map((server) => server.behave(undefined)));
  // A circuit of one case is not the next one's; what a provider asked us to wait is ended by an operator's word.
  await eventually(async () => {
    for (const name of ['llm.first', 'llm.second', 'embeddings.first', 'embeddings.second', 'web_search'])
      (await dependencies()).get(name)!.reset();
    const { body } = await answer();
    return body.answer_level === 'full' && body.degraded_because.length === 0;
  });
  for (const server of [first, second, web]) server.requests.length = 0;
});

const answer = (body: object = {}, headers: Record<string, string> = {}) =>
  service.api('POST', '/api/v1/answers', { question: QUESTION, ...body }, headers);
const dependencies = async () => {
  const { Dependencies } = await import('../../src/resilience/dependencies.js');
  return service.app.get(Dependencies);
};
const both = (fault: ProviderFault) => Promise.all([first.behave(fault), second.behave(fault)]);

describe('The service with two providers of models', () => {
  it('answers by the first, with citations, and by its vectors', async () => {
    const { status, headers, body } = await answer();
    expect(status).toBe(200);
    expect(headers.get('x-answer-level')).toBe('full');
    expect(body).toMatchObject({
      answer: expect.stringContaining(first.of('chat')[0]!.nonce),
      citations: [{ n: 1, title: 'Keeping', url: null, document_id: expect.any(String) }],
      answer_level: 'full',
      retrieval: 'hybrid',
      degraded_because: [],
      model: 'large',
      usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number) },
      truncated: false,
    });
    expect(first.of('embeddings').length).toBeGreaterThan(0);
    expect(second.of('chat')).toEqual([]);
  });

  it.each<[what: string, fault: ProviderFault]>([
    ['is dead', { kind: 'refuse' }],
    ['hangs', { kind: 'hang', at: 'accept' }],
    ['says nothing', { kind: 'hang', at: 'headers', on: ['chat'] }],
    ['stalls', { kind: 'stall', afterTokens: 2 }],
    ['is limited', { kind: 'rate_limited', headers: { 'retry-after': '30' }, on: ['chat'] }],
    ['has no quota left', { kind: 'quota' }],
    ['does not know the key', { kind: 'unauthorized' }],
    ['is cut off', { kind: 'cut', afterTokens: 3, how: 'rst' }],
    ['ends without an end', { kind: 'unfinished', afterTokens: 3 }],
  ])('answers by the second when the first %s, and says so', async (_what, fault) => {
    await first.behave(fault);
    const { status, headers, body } = await answer();
    expect(status).toBe(200);
    expect(headers.get('x-answer-level')).toBe('fallback_model');
    expect(body).toMatchObject({ answer_level: 'fallback_model', retrieval: 'hybrid', model: 'small' });
    expect(body.answer).toContain(second.of('chat').at(-1)!.nonce);
    expect(body.degraded_because).toEqual([{ dependency: 'llm.first', reason: expect.any(String) }]);
  });

  it.each<[what: string, fault: ProviderFault]>([
    ['are dead', { kind: 'refuse' }],
    ['hang', { kind: 'hang', at: 'headers', on: ['chat'] }],
    ['have no quota left', { kind: 'quota', on: ['chat'] }],
  ])('quotes from the documents when both %s', async (_what, fault) => {
    await both(fault);
    const { status, body } = await answer();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      answer: 'The lamp burns colza oil in winter. [1]',
      answer_level: 'extractive',
      model: null,
    });
    expect(body.degraded_because).toEqual(
      expect.arrayContaining([
        { dependency: 'llm.first', reason: expect.any(String) },
        { dependency: 'llm.second', reason: expect.any(String) },
      ]),
    );
  });

  it('finds by words alone when nobody embeds, and writes go on', async () => {
    await both({ kind: 'status', status: 500, on: ['embeddings'] });
    const { body } = await answer();
    expect(body).toMatchObject({ answer_level: 'full', retrieval: 'keyword' });
    expect(body.degraded_because).toEqual([{ dependency: 'embeddings.first', reason: expect.any(String) }]);
    const accepted = await service.api('POST', '/api/v1/documents', {
      title: 'Later',
      content: 'Buoys are red.',
    });
    expect(accepted.status).toBe(202);
  });

  it('lets no vector of another dimension into the index, and takes the document in when that is over', async () => {
    await both({ kind: 'embeddings', wrong: 'dimension' });
    const sent = { title: 'Fog', content: 'In fog the keeper sounds the horn twice a minute.' };
    const { body: accepted } = await service.api('POST', '/api/v1/documents', sent);
    const status = async () => (await service.api('GET', `/api/v1/documents/${accepted.id}`)).body;
    await eventually(() => first.of('embeddings').length > 0 && second.of('embeddings').length > 0);
    await eventually(async () => (await status()).error !== null);
    expect(await status()).toMatchObject({ status: expect.not.stringMatching('ready') });
    await both({ kind: 'status', status: 500, on: ['chat'] });
    await eventually(async () => (await status()).status === 'ready', { timeoutMs: 25_000 });
    const { body } = await service.api('POST', '/api/v1/search', { query: 'fog horn', mode: 'vector' });
    expect(body.hits[0]).toMatchObject({ title: 'Fog' });
    await service.api('DELETE', `/api/v1/documents/${accepted.id}`);
  });

  it.each([1_500, 4_000])('answers within %i ms although both hang', async (deadlineMs) => {
    await both({ kind: 'hang', at: 'headers' });
    const startedMs = performance.now();
    const { status, body } = await answer({}, { 'X-Request-Timeout-Ms': String(deadlineMs) });
    expect(performance.now() - startedMs).toBeLessThan(deadlineMs + 1_000);
    expect(status).toBe(200);
    expect(body).toMatchObject({ answer_level: 'extractive', retrieval: 'keyword' });
  });

  it('ends its call to a provider within a second of the client’s going away', async () => {
    await first.behave({ kind: 'stall', afterTokens: 2, on: ['chat'] });
    const client = request(`${service.url}/api/v1/answers`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    client.on('error', () => {}); // it is the one who hangs up
    client.end(JSON.stringify({ question: QUESTION }));
    await eventually(() => first.of('chat').length === 1, { everyMs: 5 });
    const goneMs = performance.now();
    client.destroy();
    const abandonedMs = await eventually(() => first.of('chat')[0]!.abandonedAtMs, { timeoutMs: 5_000 });
    expect(abandonedMs - goneMs).toBeLessThan(3_000);
    expect(second.of('chat')).toEqual([]);
  });

  it('asks a dead provider at most a quarter more often than it is asked', async () => {
    await both({ kind: 'status', status: 500, on: ['chat'] });
    const questions = 120;
    for (let i = 0; i < questions; i += 10) {
      const replies = await Promise.all(Array.from({ length: 10 }, () => answer()));
      expect(replies.every(({ status, body }) => status === 200 && body.answer_level === 'extractive')).toBe(
        true,
      );
    }
    expect(first.of('chat').length).toBeLessThanOrEqual(1.25 * questions);
    expect(second.of('chat').length).toBeLessThanOrEqual(1.25 * questions);
  });

  it('shows each model as a dependency, and never a key', async () => {
    const { body } = await service.api('GET', '/api/v1/health/diagnostics');
    const shown = JSON.stringify(body);
    for (const name of ['llm.first', 'llm.second', 'embeddings.first', 'web_search'])
      expect(shown).toContain(name);
    expect(shown).not.toContain('canary');
  });
});

describe('Answers from the web', () => {
  const LENSES = { question: 'What does a Fresnel lens gather?', web: true };

  it('rest on pages of the web when asked to, and name their addresses', async () => {
    const { body } = await answer(LENSES);
    expect(body.answer).toContain('gathers the light of a flame');
    expect(body.citations).toEqual([
      {
        n: 1,
        document_id: null,
        chunk_id: null,
        url: 'https://lenses.example/',
        title: 'Lenses',
        text: 'A Fresnel lens gathers the light of a flame.',
      },
    ]);
    expect(web.requests).toHaveLength(1);
  });

  it('never ask the web unasked', async () => {
    const { body } = await answer({ question: LENSES.question });
    expect(body.answer).toBe('The documents do not answer this question.');
    expect(web.requests).toEqual([]);
  });

  it.each([
    ['is away', { kind: 'refuse' } as const, 'unreachable'],
    ['hangs', { kind: 'hang' } as const, 'hung'],
    ['limits us', { kind: 'status', status: 429, headers: { 'retry-after': '1' } } as const, 'rate_limited'],
    ['is used up', { kind: 'status', status: 432 } as const, 'quota'],
  ])('are answers from the documents when the web %s, and say so', async (_what, fault, reason) => {
    await web.behave(fault);
    const { status, body } = await answer({ web: true }, { 'X-Request-Timeout-Ms': '4000' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ answer: expect.stringContaining('colza oil'), answer_level: 'full' });
    expect(body.degraded_because).toEqual([{ dependency: 'web_search', reason }]);
  });
});

describe('The service without a search of the web', () => {
  it('answers from the documents, and says that there is none', async () => {
    const plain = await boot();
    try {
      const { status, body } = await plain.api('POST', '/api/v1/answers', { question: QUESTION, web: true });
      expect(status).toBe(200);
      expect(body.degraded_because).toEqual([{ dependency: 'web_search', reason: 'not_installed' }]);
    } finally {
      await plain.close();
    }
  });
});
