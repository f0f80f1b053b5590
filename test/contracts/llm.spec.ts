import { ExtractiveLlm } from '../../src/platform/llm/extractive.llm.js';
import { FailoverLlm } from '../../src/platform/llm/failover.llm.js';
import { GuardedLlm } from '../../src/platform/llm/guarded.llm.js';
import type { Passage } from '../../src/platform/llm/llm.js';
import { OpenAiLlm } from '../../src/platform/llm/openai.llm.js';
import type { OpenAiProvider } from '../../src/platform/llm/openai.provider.js';
import { classifyProvider } from '../../src/platform/llm/provider.error.js';
import { sentencesOf } from '../../src/platform/llm/sentences.js';
import { Spending } from '../../src/platform/llm/spending.js';
import { newDependency } from '../support/guard.js';
import { newApi } from '../support/provider.client.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { llmContract } from './llm.suite.js';

llmContract('extractive', () => new ExtractiveLlm());
llmContract('extractive, guarded', () => {
  const adapter = new ExtractiveLlm();
  return new GuardedLlm(adapter, newDependency(adapter));
});

describe('A model of a provider', () => {
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
  const model = () =>
    new OpenAiLlm(
      api,
      { provider: 'first', model: 'model', tokensMax: 100, checkMs: 1_000 },
      new Spending({ input: 0, output: 0 }),
    );

  llmContract('a provider', model);
  llmContract('a provider, guarded', () => new GuardedLlm(model(), newDependency(model(), classifyProvider)));
  llmContract('several providers', () => {
    const guarded = () => new GuardedLlm(model(), newDependency(model(), classifyProvider));
    return new FailoverLlm([guarded(), guarded()], new ExtractiveLlm(), 8_000);
  });
});

describe('ExtractiveLlm', () => {
  const llm = new ExtractiveLlm();
  const ask = (question: string, passages: readonly Passage[]) =>
    llm.complete({ instructions: '', question, passages });
  const passage = (n: number, text: string, title = ''): Passage => ({ n, title, text });

  it('says nothing that is not a sentence of a passage that it cites', async () => {
    const passages = [
      passage(
        1,
        'The lamp burns colza oil. The keeper trims the wick every four hours. Nobody else may enter.',
      ),
      passage(2, 'In fog the keeper sounds the horn twice a minute. The horn is driven by compressed air.'),
    ];
    for (const question of [
      'What does the lamp burn?',
      'When does the keeper sound the horn?',
      'keeper wick fog horn lamp',
    ]) {
      const { text } = await ask(question, passages);
      expect(text).not.toBe('');
      for (const quoted of text.split('\n\n')) {
        const [, sentence, n] = /^(.*) \[(\d+)\]$/s.exec(quoted)!;
        expect(sentencesOf(passages[Number(n) - 1]!.text)).toContain(sentence);
      }
    }
  });

  it('quotes the sentence that answers rather than one that merely stands beside it', async () => {
    const passages = [
      passage(1, 'The lamp is cleaned on Mondays. The lamp burns colza oil. The tower is white and tall.'),
    ];
    const { text } = await ask('Which oil does the lamp burn?', passages);
    expect(text.split('\n\n')[0]).toBe('The lamp burns colza oil. [1]');
  });

  it('prefers the passage that was found to be better, when two say the same', async () => {
    const same = 'The lamp burns colza oil in winter.';
    const { cited } = await ask('What does the lamp burn?', [
      passage(2, same),
      passage(1, 'The lamp is white and tall.'),
    ]);
    expect(cited[0]).toBe(2);
  });

  it.each([
    ['one', 'What salary does a lighthouse inspector earn in Norway?'],
    [
      'a few',
      'Which pension, insurance, salary, uniform, holidays and travel does a Norwegian lighthouse cat keeper union demand?',
    ],
  ])(
    'has no answer when only %s of the many words of the question are spoken of',
    async (_many, question) => {
      const passages = [passage(1, 'The keeper of the lighthouse has a cat. The cat sleeps all day long.')];
      expect(await ask(question, passages)).toMatchObject({ supported: false });
    },
  );

  it('quotes three sentences at most, and no code', async () => {
    const passages = [
      passage(
        1,
        `${'The horn sounds in fog at noon. '.repeat(1)}\n\n\`\`\`\nhorn fog horn fog horn fog\n\`\`\`\n\nThe horn sounds in fog at dawn. The horn sounds in fog at dusk. The horn sounds in fog at night.`,
      ),
    ];
    const { text } = await ask('When does the horn sound in fog?', passages);
    expect(text.split('\n\n').length).toBeLessThanOrEqual(3);
    expect(text).not.toContain('horn fog horn');
  });
});
