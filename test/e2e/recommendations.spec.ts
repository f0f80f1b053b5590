import { Dependencies } from '../../src/resilience/dependencies.js';
import { boot, type Booted } from '../support/boot.js';
import { ingest } from '../support/documents.js';
import { eventuallyHolds } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { type QdrantDouble, startQdrant } from '../support/qdrant.js';

const PATIENCE = { timeoutMs: 30_000, everyMs: 50 };

// What each tenant has: four articles, and a note that is none.
const ARTICLES = {
  lamp: { title: 'The lamp', content: 'Colza oil burns with a steady flame in winter.' },
  horn: { title: 'The horn', content: 'Sound it twice a minute while fog lasts.' },
  lens: { title: 'The lens', content: 'Fresnel glass gathers the flame of colza oil.' },
  boat: { title: 'The boat', content: 'Tar the hull each spring.' },
};
type Name = keyof typeof ARTICLES;

describeWithPostgres('Recommendations', () => {
  let server: PostgresServer;
  let qdrant: QdrantDouble;
  let provider: Provider;
  let service: Booted;

  beforeAll(async () => {
    server = await PostgresServer.start();
    qdrant = await startQdrant();
    provider = await startProvider({ dimension: 256 });
    service = await boot({
      DATABASE_URL: await server.newDatabase(),
      DB_ACQUIRE_TIMEOUT_MS: '10000',
      QDRANT_URL: qdrant.url,
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_EMBEDDING_MODEL: 'embedding',
      ONLY_EMBEDDING_DIMENSION: '256',
      EMBEDDING_CACHE_SIZE: '0',
      // A machine that is busy is no outage.
      EMBEDDING_TIMEOUT_MS: '10000',
      VECTOR_SEARCH_TIMEOUT_MS: '10000',
      HEALTH_INTERVAL_MS: '200',
      CIRCUIT_BACKOFF_MIN_MS: '100',
      CIRCUIT_BACKOFF_MAX_MS: '500',
    });
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await Promise.all([provider?.stop(), qdrant?.stop(), server?.stop()]);
  });
  beforeEach(async () => {
    await provider.behave(undefined);
    await eventuallyHolds(async () => {
      for (const name of ['embeddings.only', 'vector_store'])
        service.app.get(Dependencies).get(name)!.reset();
      const { body } = await service.api('GET', '/api/v1/health/readiness');
      expect(Object.values<{ status: string }>(body.checks).map(({ status }) => status)).not.toContain(
        'down',
      );
    }, PATIENCE);
  }, 60_000);

  const fill = async (business_id: string) => {
    const ids = {} as Record<Name, string>;
    for (const [name, article] of Object.entries(ARTICLES)) {
      const document = { ...article, business_id, external_id: name, metadata: { content_type: 'article' } };
      ids[name as Name] = (await ingest(service.api, document)).id;
    }
    await ingest(service.api, { title: 'A note', content: 'Colza oil was paid for.', business_id });
    return ids;
  };
  const know = async (business_id: string, user_id: string, pattern_data: object) => {
    const reply = await service.api('POST', '/api/v1/user-patterns', { business_id, user_id, pattern_data });
    expect(reply.status).toBe(201);
    return reply.body.pattern_id as string;
  };
  const recommend = (business_id: string, body: object = {}) =>
    service.api('POST', '/api/v1/recommendations', {
      business_id,
      user_id: 'ada',
      content_type: 'article',
      ...body,
    });
  const titlesOf = ({ body }: { body: { recommendations: { title: string }[] } }) =>
    body.recommendations.map(({ title }) => title);

  it('are what the user’s profile speaks of, of the type that was asked for, and say which of it', async () => {
    const ids = await fill('profile');
    const reply = await recommend('profile', {
      user_profile: { interests: ['colza oil', 'Chess'], skills: 'fog' },
      limit: 3,
    });
    expect(reply).toMatchObject({
      status: 200,
      body: { pattern_id: null, total_recommendations: 3, retrieval: 'hybrid', degraded_because: [] },
    });
    expect(new Set(titlesOf(reply))).toEqual(new Set(['The lamp', 'The lens', 'The horn']));
    const lamp = reply.body.recommendations.find(({ title }: { title: string }) => title === 'The lamp');
    expect(lamp).toEqual({
      document_id: ids.lamp,
      external_id: 'lamp',
      title: 'The lamp',
      score: expect.any(Number),
      found_by: 'profile',
      reason: 'Speaks of colza oil, which the user’s profile or patterns name.',
      metadata: { content_type: 'article' },
    });
    expect(titlesOf(await recommend('profile', { content_type: 'documents' }))).toContain('A note');
    expect((await recommend('profile', { content_type: 'podcast' })).body).toMatchObject({
      recommendations: [],
      retrieval: 'none',
    });
  });

  it('are never what the user has seen, by whatever name, in whichever pattern', async () => {
    const ids = await fill('seen');
    const user_profile = { interests: ['colza oil', 'fog', 'hull'] };
    const first = await know('seen', 'ada', { viewed: [ids.lamp.toUpperCase()] });
    for (let i = 0; i < 25; i += 1) await know('seen', 'ada', { interests: [`interest ${i}`] });
    const last = await know('seen', 'ada', { disliked: 'lens', mood: { kept: ['as', 'it', 'is'] } });
    const reply = await recommend('seen', { user_profile });
    expect(new Set(titlesOf(reply))).toEqual(new Set(['The horn', 'The boat']));
    expect(reply.body.pattern_id).toBe(last);
    expect(titlesOf(await recommend('seen', { user_profile: { ...user_profile, seen: ['horn'] } }))).toEqual([
      'The boat',
    ]);
    // Somebody else has seen nothing.
    expect(titlesOf(await recommend('seen', { user_id: 'ben', user_profile }))).toHaveLength(4);
    const shown = await service.api('GET', `/api/v1/user-patterns/${last}?business_id=seen`);
    expect(shown.body).toMatchObject({
      user_id: 'ada',
      pattern_data: { disliked: ['lens'], mood: { kept: ['as', 'it', 'is'] } },
    });
    // What is forgotten was not seen.
    expect((await service.api('DELETE', `/api/v1/user-patterns/${first}?business_id=seen`)).status).toBe(204);
    expect((await service.api('DELETE', `/api/v1/user-patterns/${first}?business_id=seen`)).status).toBe(404);
    expect(titlesOf(await recommend('seen', { user_profile }))).toContain('The lamp');
    const listed = await service.api('GET', '/api/v1/user-patterns?business_id=seen&user_id=ada&limit=1');
    expect(listed.body).toMatchObject({ data: [{ id: last }], next_cursor: expect.any(String) });
  });

  it('are like what the user liked, and say what that was', async () => {
    await fill('liked');
    await know('liked', 'ada', { liked: ['lamp'] });
    const { body } = await recommend('liked', { limit: 1 });
    expect(body.recommendations).toMatchObject([
      {
        title: 'The lens',
        found_by: 'liked',
        reason: 'By words and vectors among the nearest to “The lamp”, which the user liked.',
      },
    ]);
    await know('liked', 'ada', { disliked: ['lamp'] });
    const later = await recommend('liked');
    expect(later.body.recommendations.map((r: { found_by: string }) => r.found_by)).not.toContain('liked');
  });

  it('go by words while Qdrant is dead, and say so', async () => {
    await fill('no-vectors');
    await qdrant.stop();
    try {
      const reply = await recommend('no-vectors', { user_profile: { interests: ['burning oil'] }, limit: 1 });
      expect(reply.body).toMatchObject({
        retrieval: 'keyword',
        degraded_because: [{ dependency: 'vector_store', reason: expect.any(String) }],
        recommendations: [
          { found_by: 'profile', reason: 'Shares words with the user’s profile and patterns.' },
        ],
      });
    } finally {
      await qdrant.start();
    }
  });

  it('go by words while nobody embeds, and say so', async () => {
    await fill('no-embedder');
    await provider.behave({ kind: 'refuse' });
    const reply = await recommend('no-embedder', { user_profile: { interests: ['fog'] }, limit: 1 });
    expect(reply.body).toMatchObject({
      retrieval: 'keyword',
      degraded_because: [{ dependency: 'embeddings.only', reason: expect.any(String) }],
      recommendations: [
        { title: 'The horn', reason: 'Speaks of fog, which the user’s profile or patterns name.' },
      ],
    });
  });

  it('are what other users liked, and then the newest, where the vectors are away and no word matches', async () => {
    const ids = await fill('popular');
    // By its id and by its external id, by the same user: one like.
    await know('popular', 'ben', { liked: [ids.horn, 'horn'], viewed: ['lens'] });
    await know('popular', 'ben', { viewed: ['horn'] });
    await know('popular', 'cleo', { liked: ['horn'], disliked: ['lamp'] });
    await qdrant.stop();
    try {
      const reply = await recommend('popular', { user_profile: { interests: ['xyzzy'] } });
      expect(reply.body).toMatchObject({
        retrieval: 'popular',
        degraded_because: [{ dependency: 'vector_store', reason: expect.any(String) }],
        recommendations: [
          { title: 'The horn', score: 0, found_by: 'popular', reason: 'Liked by 2 users.' },
          { title: 'The lens', reason: 'Viewed by 1 user.' },
          { title: 'The boat', reason: 'Among the newest that the user has not seen.' },
          { title: 'The lamp', reason: 'Viewed by 1 user.' },
        ],
      });
    } finally {
      await qdrant.start();
    }
    // Of somebody of whom nothing is known.
    const unknown = await recommend('popular', { user_id: 'nobody' });
    expect(unknown.body).toMatchObject({ retrieval: 'popular', degraded_because: [], pattern_id: null });
    expect(titlesOf(unknown)[0]).toBe('The horn');
  });

  it('are refused while the database is dead: what was seen is not known', async () => {
    await fill('no-database');
    await server.kill();
    try {
      const reply = await recommend('no-database', { user_profile: { interests: ['fog'] } });
      expect(reply).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
      expect(reply.headers.get('retry-after')).not.toBeNull();
    } finally {
      await server.restart();
    }
    await eventuallyHolds(async () => expect((await recommend('no-database')).status).toBe(200), PATIENCE);
  }, 90_000);

  it('are the same for the same state, and complete however many ask at once', async () => {
    await fill('same');
    await know('same', 'ada', { interests: ['oil'], liked: ['lamp'] });
    const user_profile = { interests: ['fog', 'flame'] };
    const first = await recommend('same', { user_profile });
    for (let i = 0; i < 3; i += 1)
      expect((await recommend('same', { user_profile })).body).toEqual(first.body);
    const replies = await Promise.all(Array.from({ length: 20 }, () => recommend('same', { user_profile })));
    for (const reply of replies) {
      expect(reply.status).toBe(200);
      expect(new Set(titlesOf(reply))).toEqual(new Set(['The horn', 'The lens', 'The boat']));
    }
  });

  it('are gone with their document', async () => {
    const ids = await fill('deleted');
    await service.api('DELETE', `/api/v1/documents/${ids.horn}?business_id=deleted`);
    const reply = await recommend('deleted', { user_profile: { interests: ['fog', 'horn'] } });
    expect(titlesOf(reply)).not.toContain('The horn');
  });

  it('take a pattern once for a key', async () => {
    const send = (pattern_data: object) =>
      service.api(
        'POST',
        '/api/v1/user-patterns?business_id=once',
        { user_id: 'ada', pattern_data },
        { 'idempotency-key': 'p' },
      );
    const first = await send({ interests: ['oil'] });
    expect(await send({ interests: ['oil'] })).toMatchObject({ status: 201, body: first.body });
    expect(await send({ interests: ['fog'] })).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
  });

  it.each<[path: string, route: string, body: object]>([
    ['user_id', 'user-patterns', { pattern_data: {} }],
    ['user_id', 'user-patterns', { user_id: ' ', pattern_data: {} }],
    ['pattern_data', 'user-patterns', { user_id: 'ada' }],
    ['pattern_data', 'user-patterns', { user_id: 'ada', pattern_data: [] }],
    ['pattern_data', 'user-patterns', { user_id: 'ada', pattern_data: { notes: 'x'.repeat(70_000) } }],
    ['pattern_data.interests', 'user-patterns', { user_id: 'ada', pattern_data: { interests: [7] } }],
    [
      'pattern_data.interests',
      'user-patterns',
      { user_id: 'ada', pattern_data: { interests: Array(101).fill('x') } },
    ],
    ['pattern_data.viewed.0', 'user-patterns', { user_id: 'ada', pattern_data: { viewed: ['a\u0000'] } }],
    ['pattern_data.mood', 'user-patterns', { user_id: 'ada', pattern_data: { mood: 'a\u0000' } }],
    ['user_id', 'recommendations', { content_type: 'article' }],
    ['content_type', 'recommendations', { user_id: 'ada' }],
    [
      'user_profile.liked',
      'recommendations',
      { user_id: 'ada', content_type: 'article', user_profile: { liked: {} } },
    ],
    ['limit', 'recommendations', { user_id: 'ada', content_type: 'article', limit: 101 }],
    ['', 'recommendations', { user_id: 'ada', content_type: 'article', surplus: 1 }],
  ])('refuse with the name of the field that is wrong: %j of %s', async (path, route, body) => {
    const reply = await service.api('POST', `/api/v1/${route}`, body);
    expect(reply).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(reply.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });
});
