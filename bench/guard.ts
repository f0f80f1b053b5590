import '../test/chaos/sources.ts';
import { createApplication } from '#service/application.js';
import { readSettings } from '#service/config/settings.js';
import { Deadline } from '#service/kernel/deadline.js';
import { Cache } from '#service/platform/cache/cache.js';
import { Database } from '#service/platform/database/database.js';
import { Embedder } from '#service/platform/llm/embedder.js';
import type { GuardedModel } from '#service/platform/llm/guarded.model.js';
import type { OpenAiModel } from '#service/platform/llm/openai.model.js';
import { Llm } from '#service/platform/llm/llm.js';
import { VectorStore } from '#service/platform/vector-store/vector-store.js';
import { fixed, median, table } from './support/figures.ts';

// What the resilience layer costs at each port: the same call through the guard and straight to the adapter, in turn, on a
// real PostgreSQL, a real Redis, the Qdrant double and a provider that answers at once. `npm run bench:guard`
const { PostgresServer } = await import('../test/support/postgres.js');
const { startRedis } = await import('../test/support/redis.js');
const { startQdrant } = await import('../test/support/qdrant.js');
const { startProvider } = await import('../test/support/provider.js');
const ROUNDS = 25;
const ROUND_MS = 100;
// More than any call needs.
const WRITE_MS = 60_000;
const DIMENSION = 64;

/** A guard and what it guards: the same port twice. */
interface Pair {
  port: string;
  guarded: () => Promise<unknown>;
  bare: () => Promise<unknown>;
}

/** What a guard hides from everybody but us. */
const innerOf = <T>(guard: T): T => (guard as { inner: T }).inner;

async function microseconds(call: () => Promise<unknown>): Promise<number> {
  const endMs = performance.now() + ROUND_MS;
  const startedMs = performance.now();
  let calls = 0;
  for (; performance.now() < endMs; calls += 1) await call();
  return ((performance.now() - startedMs) * 1_000) / calls;
}

const postgres = await PostgresServer.start();
const redis = await startRedis();
const qdrant = await startQdrant();
const provider = await startProvider({ dimension: DIMENSION });
const app = await createApplication(
  readSettings({
    DATABASE_URL: await postgres.newDatabase(),
    REDIS_URL: redis.url,
    QDRANT_URL: qdrant.url,
    LLM_PROVIDERS: 'local',
    LOCAL_BASE_URL: provider.url,
    LOCAL_MODEL: 'local',
    LOCAL_EMBEDDING_MODEL: 'local',
    LOCAL_EMBEDDING_DIMENSION: String(DIMENSION),
    LOG_LEVEL: 'error',
  }),
);
try {
  const database = app.get(Database);
  const store = app.get(VectorStore);
  const space = app.get(Cache).space({ name: 'bench', entriesMax: 10, ttlMs: 60_000 });
  const [embedder] = app.get<{ embedders: Embedder[] }>(Embedder).embedders;
  const [model] = app.get<{ guarded: GuardedModel[] }>(Llm).guarded;
  const nearest = { businessId: 'bench', vector: new Float32Array(DIMENSION).fill(0.125), limit: 5 };
  const prompt = {
    instructions: 'Answer.',
    question: 'Why?',
    passages: [{ n: 1, title: 'x', text: 'Because.' }],
  };
  await space.set('key', Buffer.from('value'));
  const at = <T>(port: string, guard: T, call: (on: T) => Promise<unknown>): Pair => ({
    port,
    guarded: () => call(guard),
    bare: () => call(innerOf(guard)),
  });
  const pairs: Pair[] = [
    at('Database', database, (on) => on.query('select', 'select 1')),
    at('VectorStore', store, (on) => on.nearest('documents', nearest)),
    at('CacheSpace', space, (on) => on.get('key')),
    at('Embedder', embedder!, (on) => on.embed(['one text'])),
    {
      port: 'Llm',
      guarded: () => model!.write(prompt, { withinMs: WRITE_MS, again: false }),
      bare: () => (innerOf(model!) as unknown as OpenAiModel).write(prompt, undefined, WRITE_MS),
    },
  ];
  const rows = [];
  for (const { port, guarded, bare } of pairs) {
    const deadline = new Deadline(600_000);
    const figures = { guarded: [] as number[], bare: [] as number[] };
    await deadline.run(async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        figures.bare.push(await microseconds(bare));
        figures.guarded.push(await microseconds(guarded));
      }
    });
    deadline.release();
    const [with_, without] = [median(figures.guarded), median(figures.bare)];
    rows.push([
      port,
      fixed(without, 0),
      fixed(with_, 0),
      fixed(with_ - without, 1),
      fixed(with_ / without, 2),
    ]);
  }
  process.stdout.write(`${table(['port', 'bare µs', 'guarded µs', 'above µs', 'ratio'], rows)}\n`);
} finally {
  await app.close();
  await provider.stop();
  await qdrant.stop();
  await redis.stop();
  await postgres.stop();
}
