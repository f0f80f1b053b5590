import { Database } from '../../src/platform/database/database.js';
import { VectorStore } from '../../src/platform/vector-store/vector-store.js';
import { DependencyError } from '../../src/resilience/dependency-error.js';
import { jest } from '@jest/globals';
import { boot, type Booted } from '../support/boot.js';
import { aDocument, ingest } from '../support/documents.js';
import { eventually } from '../support/eventually.js';
import { startProvider, type Provider } from '../support/provider.js';

const MANUAL = `# Lamp manual

## Cleaning the lens

Wipe the lens with vinegar and a soft cloth, once a week.

## Fuel

The lamp burns colza oil. A full tank lasts eleven hours.

## Storms

In a storm the shutters are closed and the horn is sounded every thirty seconds.
`;

describe('Search and answers', () => {
  let service: Booted;
  beforeAll(async () => {
    service = await boot();
    await ingest(
      service.api,
      aDocument({
        title: 'Lamp manual',
        content: MANUAL,
        metadata: {
          kind: 'manual',
          year: 1890,
          tags: ['lamp', 'sea'],
          revised: ['1891-02-03', '1899-12-31'],
        },
      }),
    );
    await ingest(
      service.api,
      aDocument({
        title: 'Cook book',
        content: 'Boil the potatoes for twenty minutes. Salt the water well.',
        metadata: { kind: 'recipe', year: 1950 },
      }),
    );
    await ingest(
      service.api,
      aDocument({
        title: 'Secret',
        content: 'The lamp burns whale oil, says the other tenant.',
        business_id: 'other',
      }),
    );
  }, 60_000);
  afterAll(() => service?.close());

  const search = async (body: object) => (await service.api('POST', '/api/v1/search', body)).body;
  const answer = (body: object) => service.api('POST', '/api/v1/answers', body);

  it.each(['hybrid', 'vector', 'keyword'])('finds the passage by %s', async (mode) => {
    const found = await search({ query: 'what does the lamp burn?', mode });
    expect(found).toMatchObject({
      retrieval: mode,
      degraded_because: [],
      verified: true,
      took_ms: expect.any(Number),
    });
    expect(found.hits[0].text).toContain('colza oil');
    expect(found.hits[0]).toMatchObject({
      title: 'Lamp manual',
      metadata: { kind: 'manual' },
      chunk_id: expect.any(String),
    });
  });

  it('ranks the best first and gives no more than asked for', async () => {
    const { hits } = await search({ query: 'oil for the lamp, water for potatoes, fuel', limit: 2 });
    expect(hits.map((hit: { title: string }) => hit.title)).toEqual(['Lamp manual', 'Cook book']);
    expect(hits[0].score).toBeGreaterThan(hits[1].score);
    expect(
      (await search({ query: 'oil for the lamp, water for potatoes, fuel', limit: 1 })).hits,
    ).toHaveLength(1);
  });

  it('finds nothing for words that stand nowhere, and says so without an error', async () => {
    expect((await search({ query: 'xylophone', mode: 'keyword' })).hits).toEqual([]);
    expect((await search({ query: '???', mode: 'keyword' })).hits).toEqual([]);
  });

  it.each(['hybrid', 'vector', 'keyword'])('never shows another tenant’s passage (%s)', async (mode) => {
    const { hits } = await search({ query: 'whale oil, says the other tenant', mode, limit: 100 });
    expect(JSON.stringify(hits)).not.toContain('whale');
    const theirs = await search({ query: 'whale oil', mode, business_id: 'other' });
    expect(theirs.hits).toHaveLength(1);
  });

  it.each([
    [{ kind: 'recipe' }, ['Cook book']],
    [{ kind: ['recipe', 'poem'] }, ['Cook book']],
    [{ year: { gte: 1900 } }, ['Cook book']],
    [{ year: { gte: 1890, lte: 1890 } }, ['Lamp manual']],
    [{ tags: 'sea' }, ['Lamp manual']],
    [{ revised: { gte: '1895-01-01', lte: '1900-01-01T00:00Z' } }, ['Lamp manual']],
    [{ revised: { gte: '1892-01-01', lte: '1899-01-01' } }, []],
    [{ tags: ['sky', 'sea'], kind: 'manual' }, ['Lamp manual']],
    [{ year: '1890' }, []],
    [{ missing: 1 }, []],
    [{ "year' or 1=1 --": 1 }, []],
  ])('filters by metadata: %j', async (filter, titles) => {
    for (const mode of ['hybrid', 'vector', 'keyword']) {
      const { hits } = await search({ query: 'lamp oil potatoes water', mode, filter });
      expect([...new Set(hits.map((hit: { title: string }) => hit.title))]).toEqual(titles);
    }
  });

  it('says which range has ends that are neither numbers nor dates', async () => {
    for (const year of [{ gte: 'soon' }, { gte: 1_890, lte: '1950-01-01' }]) {
      const { status, body } = await service.api('POST', '/api/v1/search', {
        query: 'lamp',
        filter: { year },
      });
      expect(status).toBe(422);
      expect(body.errors).toEqual([{ path: 'filter.year', message: expect.stringContaining('ISO 8601') }]);
    }
  });

  it('shows no hit that the index still has and the database no longer', async () => {
    const { id } = await ingest(service.api, aDocument({ content: 'The pangolin curls up.' }));
    // Deleted in the database alone: the index lags behind as far as it can.
    await service.app
      .get(Database)
      .transaction('delete', (tx) => tx.query('delete from documents where id = $1', [id]), {
        businessId: 'default',
      });
    expect(
      await service.app.get(VectorStore).count('documents', { businessId: 'default', documentId: id }),
    ).toBe(1);
    for (const mode of ['hybrid', 'vector', 'keyword']) {
      const { hits } = await search({ query: 'pangolin curls up', mode });
      expect(hits.filter((hit: { document_id: string }) => hit.document_id === id)).toEqual([]);
    }
  });

  it('answers with citations that point at the passage', async () => {
    const reply = await answer({ question: 'How long does a full tank of the lamp last?' });
    expect(reply.body).toMatchObject({
      answer: expect.stringContaining('eleven hours'),
      answer_level: 'extractive',
      retrieval: 'hybrid',
      degraded_because: [],
      model: null,
      usage: null,
      cached_age_s: null,
    });
    expect(reply.headers.get('x-answer-level')).toBe('extractive');
    const marks = [...reply.body.answer.matchAll(/\[(\d+)\]/g)].map((m: RegExpMatchArray) => Number(m[1]));
    expect(marks.length).toBeGreaterThan(0);
    for (const n of marks) expect(reply.body.citations.map((c: { n: number }) => c.n)).toContain(n);
    expect(reply.body.citations[0]).toMatchObject({
      n: 1,
      title: 'Lamp manual',
      text: expect.stringContaining('eleven hours'),
    });
  });

  it.each(['What is the capital of Mongolia?', 'How do I reset my bank password?', '???'])(
    'says that the documents do not answer: %s',
    async (question) => {
      expect((await answer({ question })).body).toMatchObject({
        answer: expect.stringContaining('do not answer'),
        citations: [],
      });
    },
  );

  it('finds by words, and says why, while the vectors are away', async () => {
    const away = new DependencyError('vector_store', 'search', 'unreachable', {});
    const nearest = jest.spyOn(service.app.get(VectorStore), 'nearest').mockRejectedValue(away);
    try {
      const degraded_because = [{ dependency: 'vector_store', reason: 'unreachable' }];
      expect(await search({ query: 'colza oil' })).toMatchObject({
        retrieval: 'keyword',
        degraded_because,
        hits: [{ title: 'Lamp manual' }],
      });
      expect(await search({ query: 'colza oil', mode: 'vector' })).toMatchObject({
        retrieval: 'keyword',
        degraded_because,
      });
      expect((await answer({ question: 'What does the lamp burn?' })).body).toMatchObject({
        retrieval: 'keyword',
        degraded_because,
      });
    } finally {
      nearest.mockRestore();
    }
  });
});

describe('Search while the embeddings are away', () => {
  const PATIENCE = { timeoutMs: 30_000, everyMs: 50 };
  let provider: Provider;
  let service: Booted;

  beforeAll(async () => {
    provider = await startProvider({ dimension: 64 });
    service = await boot({
      LLM_PROVIDERS: 'first',
      FIRST_BASE_URL: provider.url,
      FIRST_API_KEY: 'key',
      FIRST_EMBEDDING_MODEL: 'small',
      FIRST_EMBEDDING_DIMENSION: '64',
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    });
    await ingest(service.api, aDocument({ title: 'Lamp manual', content: MANUAL }));
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await provider?.stop();
  });

  const search = async (query: string) => (await service.api('POST', '/api/v1/search', { query })).body;

  it('is hybrid for a question whose vector is remembered, by words for any other, and takes documents in', async () => {
    const before = await search('what does the lamp burn?');
    expect(before).toMatchObject({ retrieval: 'hybrid', degraded_because: [] });
    await provider.behave({ kind: 'refuse' });
    const remembered = await search('what does the lamp burn?');
    expect(remembered).toMatchObject({ retrieval: 'hybrid', degraded_because: [], hits: before.hits });
    const other = await search('how long does a full tank last?');
    expect(other).toMatchObject({
      retrieval: 'keyword',
      verified: true,
      degraded_because: [{ dependency: expect.stringContaining('embed'), reason: expect.any(String) }],
    });
    expect(other.hits[0].text).toContain('eleven hours');

    const { status, body } = await service.api(
      'POST',
      '/api/v1/documents',
      aDocument({ title: 'Meanwhile' }),
    );
    expect(status).toBe(202);
    const stateOf = async () => (await service.api('GET', `/api/v1/documents/${body.id}`)).body;
    await eventually(async () => (await stateOf()).error?.code === 'waiting', PATIENCE);
    await provider.behave(undefined);
    await eventually(async () => (await stateOf()).status === 'ready', PATIENCE);
    expect(await search('how long does a full tank last?')).toMatchObject({ retrieval: 'hybrid' });
  }, 90_000);
});
