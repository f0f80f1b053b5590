import type { EmbeddingSettings } from '../../src/config/models.settings.js';
import { FailoverEmbedder } from '../../src/platform/llm/failover.embedder.js';
import { GuardedEmbedder } from '../../src/platform/llm/guarded.embedder.js';
import { HashingEmbedder } from '../../src/platform/llm/hashing.embedder.js';
import { classifyEmbedding, OpenAiEmbedder } from '../../src/platform/llm/openai.embedder.js';
import type { OpenAiProvider } from '../../src/platform/llm/openai.provider.js';
import { Spending } from '../../src/platform/llm/spending.js';
import { newDependency } from '../support/guard.js';
import { newApi } from '../support/provider.client.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { embedderContract } from './embedder.suite.js';

embedderContract('hashing', () => new HashingEmbedder());
embedderContract('hashing, guarded', () => {
  const adapter = new HashingEmbedder();
  return new GuardedEmbedder(adapter, newDependency(adapter));
});

describe('An embedding model of a provider', () => {
  let server: Provider;
  let api: OpenAiProvider;
  beforeAll(async () => {
    server = await startProvider({ dimension: 256 });
    api = newApi(server);
  });
  afterAll(async () => {
    await api.close();
    await server.stop();
  });
  const embedder = (settings: Partial<EmbeddingSettings> = {}) =>
    new OpenAiEmbedder(
      'first',
      api,
      { model: 'embedding-model', dimension: 256, shortened: false, ...settings },
      new Spending({ input: 0, output: 0 }),
      1_000,
    );
  const guarded = () => new GuardedEmbedder(embedder(), newDependency(embedder(), classifyEmbedding), 2_000);

  embedderContract('a provider', embedder);
  embedderContract('a provider, guarded', guarded);
  embedderContract('several providers', () => new FailoverEmbedder([guarded(), guarded()]));
  embedderContract('a provider, shortened', () => embedder({ dimension: 128, shortened: true }));

  it('is asked for a hundred texts at a time, and for no more', async () => {
    server.requests.length = 0;
    const texts = Array.from({ length: 250 }, (_, i) => `text ${i}`);
    const vectors = await guarded().embed(texts);
    expect(server.of('embeddings').map(({ body }) => body.input.length)).toEqual([100, 100, 50]);
    expect([...vectors[207]!]).toEqual([...(await guarded().embed(['text 207']))[0]!]);
  });

  it('is not asked for what says nothing', async () => {
    server.requests.length = 0;
    await embedder().embed(['', ' \n']);
    expect(server.requests).toEqual([]);
  });

  it('gives shortened vectors a space of their own', () => {
    expect(embedder({ dimension: 128, shortened: true }).model).not.toBe(embedder().model);
  });
});
