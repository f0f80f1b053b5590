import { FailoverLlm } from '../../src/platform/llm/failover.llm.js';
import { GuardedModel } from '../../src/platform/llm/guarded.model.js';
import { OpenAiModel } from '../../src/platform/llm/openai.model.js';
import type { OpenAiProvider } from '../../src/platform/llm/openai.provider.js';
import { classifyProvider } from '../../src/platform/llm/provider.error.js';
import { Spending } from '../../src/platform/llm/spending.js';
import { all } from '../support/all.js';
import { newDependency } from '../support/guard.js';
import { newApi } from '../support/provider.client.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { llmContract } from './llm.suite.js';

describe('Models of providers', () => {
  let server: Provider;
  let api: OpenAiProvider;
  beforeAll(async () => {
    server = await startProvider({ nonces: false });
    api = newApi(server);
  });
  afterAll(async () => {
    await api.close();
    await server.stop();
  });
  const guarded = () => {
    const model = new OpenAiModel(
      api,
      { provider: 'first', model: 'model', tokensMax: 100, checkMs: 1_000 },
      new Spending({ input: 0, output: 0 }),
    );
    return new GuardedModel(model, newDependency(model, classifyProvider));
  };

  llmContract('one', () => new FailoverLlm([guarded()], 8_000));
  llmContract('several', () => new FailoverLlm([guarded(), guarded()], 8_000));
});

describe('Without any model', () => {
  it('nobody writes, and nobody is to blame', async () => {
    const llm = new FailoverLlm([], 8_000);
    const prompt = { instructions: '', question: 'Why?', passages: [] };
    expect(llm.level).toBe('none');
    expect(await llm.complete(prompt)).toEqual({ level: 'none', degraded_because: [] });
    expect(await all(llm.stream(prompt))).toEqual([{ at: 'none', degraded_because: [] }]);
  });
});
