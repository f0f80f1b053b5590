import { randomBytes } from 'node:crypto';
import { boot, type Booted, type Reply } from '../support/boot.js';
import { ingest } from '../support/documents.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import type { LineFault } from '../support/fault-proxy.faults.js';
import { describeNeeding } from '../support/needs.js';
import { postgresMissing, PostgresServer } from '../support/postgres.js';
import { startProvider } from '../support/provider.ts';
import { startQdrant } from '../support/qdrant.js';
import { redisMissing, startRedis } from '../support/redis.js';

// The table of product.md ("Answer levels"): every combination of what can be away, and what a question gets then.

const PARTS = ['postgres', 'qdrant', 'redis', 'embeddings', 'first', 'models'] as const;
type Part = (typeof PARTS)[number];
type Combination = ReadonlySet<Part>;

const COMBINATIONS: readonly Combination[] = Array.from(
  { length: 2 ** PARTS.length },
  (_, bits) => new Set(PARTS.filter((_part, i) => ((bits >> i) & 1) === 1)),
);

const DEADLINE_MS = 6_000;
const KNOWN = 'What does the lamp burn?';
const CONTENT =
  '# Lighthouse keeping\n\nThe lamp burns colza oil in winter. The keeper trims the wick every four hours.\n';

const nonce = () =>
  randomBytes(8)
    .toString('hex')
    .replaceAll(/\d/g, (digit) => 'ghijklmnop'[Number(digit)]!);

interface Expected {
  status: number;
  answer_level?: string;
  retrieval?: string;
}

/** @param known whether the question was answered before all this */
function expected(down: Combination, known: boolean): Expected {
  const model = down.has('models') ? undefined : down.has('first') ? 'fallback_model' : 'full';
  const remembered = known && !down.has('redis');
  const vectors = !down.has('qdrant') && (!down.has('embeddings') || remembered);
  if (down.has('postgres') && !vectors)
    return remembered ? { status: 200, answer_level: 'cached', retrieval: 'none' } : { status: 503 };
  const retrieval = down.has('postgres') ? 'vector' : vectors ? 'hybrid' : 'keyword';
  return { status: 200, answer_level: model ?? (remembered ? 'cached' : 'extractive'), retrieval };
}

/** Each of these must be named by an answer that is less than it might be. */
function blamed(down: Combination, { status, answer_level, retrieval }: Expected): RegExp[] {
  if (status !== 200) return [];
  const names: RegExp[] = [];
  if (down.has('postgres')) names.push(/^database$/);
  if (retrieval === 'keyword')
    names.push(
      down.has('qdrant') && !down.has('embeddings') ? /^vector_store$/ : /^(vector_store|embeddings)/,
    );
  if (answer_level === 'fallback_model') names.push(/^llm\.first$/);
  if (answer_level === 'extractive') names.push(/^llm\.first$/, /^llm\.second$/);
  return names;
}

describeNeeding(postgresMissing ?? redisMissing, 'The levels of an answer', () => {
  let lines: Record<Exclude<Part, 'models'> | 'second', FaultProxy>;
  let service: Booted;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const [postgres, redis, qdrant, first, second, embedder] = await Promise.all([
      PostgresServer.start(),
      startRedis(),
      startQdrant(),
      startProvider(),
      startProvider(),
      startProvider({ dimension: 64 }),
    ]);
    closing.push(...[postgres, redis, qdrant, first, second, embedder].map((server) => () => server.stop()));
    const line = async (url: string) => {
      const proxy = await FaultProxy.start(Number(new URL(url).port));
      closing.push(() => proxy.stop());
      return proxy;
    };
    const database = await postgres.newDatabase();
    lines = {
      postgres: await line(database),
      redis: await line(redis.url),
      qdrant: await line(qdrant.url),
      first: await line(first.url),
      second: await line(second.url),
      embeddings: await line(embedder.url),
    };
    const through = (url: string, { port }: FaultProxy) => {
      const address = new URL(url);
      address.port = String(port);
      return address.href;
    };
    service = await boot({
      DATABASE_URL: through(database, lines.postgres),
      REDIS_URL: through(redis.url, lines.redis),
      QDRANT_URL: through(qdrant.url, lines.qdrant),
      LLM_PROVIDERS: 'first,second,embedder',
      FIRST_BASE_URL: through(first.url, lines.first),
      FIRST_MODEL: 'large',
      SECOND_BASE_URL: through(second.url, lines.second),
      SECOND_MODEL: 'small',
      EMBEDDER_BASE_URL: through(embedder.url, lines.embeddings),
      EMBEDDER_EMBEDDING_MODEL: 'embedding',
      EMBEDDER_EMBEDDING_DIMENSION: '64',
      LLM_FIRST_TOKEN_TIMEOUT_MS: '400',
      LLM_CONNECT_TIMEOUT_MS: '400',
      EMBEDDING_TIMEOUT_MS: '400',
      VECTOR_SEARCH_TIMEOUT_MS: '600',
      CIRCUIT_BACKOFF_MIN_MS: '100',
      CIRCUIT_BACKOFF_MAX_MS: '200',
      HEALTH_INTERVAL_MS: '300',
    });
    await ingest(service.api, { title: 'Keeping', content: CONTENT, content_type: 'text/markdown' });
  }, 90_000);
  afterAll(async () => {
    await service?.close();
    for (const close of closing.toReversed()) await close();
  });

  const ask = (question: string): Promise<Reply> =>
    service.api('POST', '/api/v1/answers', { question }, { 'X-Request-Timeout-Ms': String(DEADLINE_MS) });
  /** One that nobody asked before, nor anything like it: no cache knows it. */
  const askNew = () => ask(`Which colza oil does the lamp burn in winter, ${nonce()} ${nonce()} ${nonce()}?`);
  const linesOf = (part: Part) => (part === 'models' ? [lines.first, lines.second] : [lines[part]]);
  const behave = async (down: Combination, fault: LineFault) => {
    for (const part of down) if (part !== 'redis') for (const line of linesOf(part)) await line.behave(fault);
  };
  const withCache = (down: Combination) => !down.has('redis');
  /** All but the cache is well and nothing is held against anybody; with the cache, the known question is remembered. */
  const recover = async (down: Combination) => {
    for (const [part, line] of Object.entries(lines)) if (part !== 'redis') await line.heal();
    const { Dependencies } = await import('../../src/resilience/dependencies.js');
    await eventuallyHolds(
      async () => {
        for (const dependency of service.app.get(Dependencies))
          if (!dependency.name.startsWith('cache')) dependency.reset();
        const { body } = await ask(KNOWN);
        expect(body).toMatchObject({ answer_level: 'full', retrieval: 'hybrid', degraded_because: [] });
        if (withCache(down)) expect(await remembered()).toBe(true);
        const { body: ready } = await service.api('GET', '/api/v1/health/readiness');
        expect(ready.status).toBe(withCache(down) ? 'ready' : 'degraded');
      },
      { timeoutMs: 30_000, everyMs: 50 },
    );
  };
  const remembered = async () => {
    const { body } = await service.api('POST', '/api/v1/answers', { question: KNOWN, max_age_s: 3_600 });
    return body.answer_level === 'cached';
  };
  const nameOf = (down: Combination) => (down.size === 0 ? 'nothing' : [...down].join(', '));

  /** What is slow may be waited for or done without, but not in silence. */
  const expectHonest = ({ status, body }: Reply) => {
    expect([200, 503, 504]).toContain(status);
    if (status !== 200) return;
    expect(body.answer).toContain('colza oil');
    const worse = body.answer_level !== 'full' || body.retrieval !== 'hybrid';
    if (worse) expect(body.degraded_because).not.toEqual([]);
  };

  const expectLevel = (reply: Reply, down: Combination, known: boolean) => {
    const { status, body, headers } = reply;
    const wanted = expected(down, known);
    expect({ status, answer_level: body.answer_level, retrieval: body.retrieval }).toEqual({
      answer_level: undefined,
      retrieval: undefined,
      ...wanted,
    });
    if (status === 503) {
      expect(body.code).toBe('dependency_unavailable');
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      return;
    }
    expect(headers.get('x-answer-level')).toBe(body.answer_level);
    expect(body.answer).toContain('colza oil');
    expect(body.verified).toBe(!down.has('postgres'));
    const names = (body.degraded_because as { dependency: string }[]).map(({ dependency }) => dependency);
    for (const name of blamed(down, wanted)) expect(names).toContainEqual(expect.stringMatching(name));
    if (down.size === 0) expect(names).toEqual([]);
    if (wanted.answer_level === 'cached')
      expect(body).toMatchObject({ cached_age_s: expect.any(Number), cached_question: KNOWN });
  };

  describe.each([
    ['is dead', { kind: 'refuse' }],
    ['hangs', { kind: 'hang' }],
    ['is slow', { kind: 'latency', ms: 100, jitterMs: 50 }],
  ] as [string, LineFault][])('when what is away %s', (_how, fault) => {
    const slow = fault.kind === 'latency';

    const cases = (combinations: readonly Combination[]) =>
      it.each(combinations.map((down) => [nameOf(down), down] as const))(
        '%s',
        async (_name, down) => {
          if (!slow) await recover(down);
          await behave(down, fault);
          const startedMs = performance.now();
          const [known, fresh] = [await ask(KNOWN), await askNew()];
          expect(performance.now() - startedMs).toBeLessThan(2 * DEADLINE_MS + 1_000);
          if (slow) for (const reply of [known, fresh]) expectHonest(reply);
          else {
            expectLevel(known, down, true);
            expectLevel(fresh, down, false);
          }
          for (const part of down) if (part !== 'redis') for (const line of linesOf(part)) await line.heal();
        },
        60_000,
      );

    describe('and the cache is well', () => {
      beforeAll(() => recover(new Set()), 60_000);
      cases(COMBINATIONS.filter(withCache));
    });

    // All of them in one outage: a cache that comes back only to go again is left alone for longer each time.
    describe('and so is the cache', () => {
      beforeAll(() => lines.redis.behave(fault));
      afterAll(async () => {
        await lines.redis.heal();
        await eventually(remembered, { timeoutMs: 60_000 });
      }, 90_000);
      cases(COMBINATIONS.filter((down) => !withCache(down)));
    });
  });
});
