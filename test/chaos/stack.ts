import { FaultProxy } from '../support/fault-proxy.js';
import { PostgresServer } from '../support/postgres.js';
import { type Provider, startProvider } from '../support/provider.js';
import { startQdrant } from '../support/qdrant.js';
import { startRedis } from '../support/redis.js';
import { OPERATOR_TOKEN, secret } from './secrets.js';
import type { Target, TargetName } from './target.js';

const DIMENSION = 256;

/** Everything that the service depends on, real where it is installed, each behind a line that can be hurt. */
export interface Stack {
  targets: Record<TargetName, Target>;
  /** The settings of a service that stands on all of it, through the lines. */
  env: Record<string, string>;
  /** Straight to the first provider, past its line: for what is measured beside the service. */
  primary: Provider;
  stop(): Promise<void>;
}

export async function startStack(): Promise<Stack> {
  const closing: (() => Promise<unknown>)[] = [];
  const line = async (port: number) => {
    const proxy = await FaultProxy.start(port);
    closing.push(() => proxy.stop());
    return proxy;
  };
  const stop = async () => {
    for (const close of closing.toReversed()) await close();
  };
  try {
    const postgres = await PostgresServer.start();
    closing.push(() => postgres.stop());
    const redis = await startRedis({ args: ['--requirepass', secret('redis')] });
    closing.push(() => redis.stop());
    const qdrant = await startQdrant({ apiKey: secret('qdrant') });
    closing.push(() => qdrant.stop());
    const provider = async () => {
      const one = await startProvider({ dimension: DIMENSION });
      closing.push(() => one.stop());
      return one;
    };
    const [primary, secondary, embedder] = [await provider(), await provider(), await provider()];
    const lines = {
      postgres: await line(postgres.port),
      redis: await line(redis.port),
      qdrant: await line(qdrant.port),
      primary: await line(portOf(primary.url)),
      secondary: await line(portOf(secondary.url)),
      embedder: await line(portOf(embedder.url)),
    };
    const base = { processes: [], providers: [] };
    const database = new URL(await postgres.newDatabase());
    const api = ({ port }: FaultProxy) => `http://127.0.0.1:${port}/v1`;
    return {
      targets: {
        postgres: {
          ...base,
          name: 'postgres',
          shownAs: /^database$/,
          lines: [lines.postgres],
          processes: [postgres],
        },
        redis: {
          ...base,
          name: 'redis',
          shownAs: /^cache/,
          lines: [lines.redis],
          processes: [
            {
              kill: () => redis.kill(),
              restart: () => redis.start(),
              pause: () => redis.pause(),
              resume: () => redis.resume(),
            },
          ],
        },
        qdrant: {
          ...base,
          name: 'qdrant',
          shownAs: /^vector_store$/,
          lines: [lines.qdrant],
          processes: [{ kill: () => qdrant.stop(), restart: () => qdrant.start() }],
        },
        'llm-primary': {
          ...base,
          name: 'llm-primary',
          shownAs: /primary/,
          lines: [lines.primary],
          providers: [primary],
        },
        'llm-all': {
          ...base,
          name: 'llm-all',
          shownAs: /primary|secondary/,
          lines: [lines.primary, lines.secondary],
          providers: [primary, secondary],
        },
        embeddings: {
          ...base,
          name: 'embeddings',
          shownAs: /^embeddings/,
          lines: [lines.embedder],
          providers: [embedder],
        },
      },
      env: {
        DATABASE_URL: `postgres://postgres:${secret('database')}@127.0.0.1:${lines.postgres.port}${database.pathname}`,
        REDIS_URL: `redis://:${secret('redis')}@127.0.0.1:${lines.redis.port}`,
        QDRANT_URL: `http://127.0.0.1:${lines.qdrant.port}`,
        QDRANT_API_KEY: secret('qdrant'),
        OPERATOR_TOKEN,
        PROMETHEUS_PORT: '0',
        LLM_PROVIDERS: 'primary,secondary,embedder',
        PRIMARY_BASE_URL: api(lines.primary),
        PRIMARY_API_KEY: secret('primary'),
        PRIMARY_MODEL: 'first',
        SECONDARY_BASE_URL: api(lines.secondary),
        SECONDARY_API_KEY: secret('secondary'),
        SECONDARY_MODEL: 'second',
        EMBEDDER_BASE_URL: api(lines.embedder),
        EMBEDDER_API_KEY: secret('embedder'),
        EMBEDDER_EMBEDDING_MODEL: 'embedding',
        EMBEDDER_EMBEDDING_DIMENSION: String(DIMENSION),
      },
      primary,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
