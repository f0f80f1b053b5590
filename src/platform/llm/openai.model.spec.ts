import { OpenAiModel } from './openai.model.js';
import type { Chat, ChatRequest, OpenAiProvider } from './openai.provider.js';
import { ProviderRefused } from './provider.error.js';
import { Spending } from './spending.js';

const CHAT: Chat = { text: 'So.', usage: null, truncated: false };
const PROMPT = { instructions: 'Be brief.', question: 'Why?', passages: [], temperature: 0.3 };

/** A model, and what its provider was asked for: it answers, or fails as it is told to. */
function newModel(refuse: (request: ChatRequest) => Error | undefined) {
  const asked: ChatRequest[] = [];
  const chat = (request: ChatRequest): Promise<Chat> => {
    asked.push(request);
    const error = refuse(request);
    return error === undefined ? Promise.resolve(CHAT) : Promise.reject(error);
  };
  const options = { provider: 'first', model: 'model', tokensMax: 100, checkMs: 1_000 };
  const api = { chat } as Partial<OpenAiProvider> as OpenAiProvider;
  return { asked, model: new OpenAiModel(api, options, new Spending({ input: 0, output: 0 })) };
}

describe('OpenAiModel', () => {
  it('asks at the temperature that it is told, for as many tokens as both allow', async () => {
    const { asked, model } = newModel(() => undefined);
    await model.write({ ...PROMPT, tokensMax: 30 });
    await model.write({ ...PROMPT, tokensMax: 3_000 });
    expect(asked).toMatchObject([
      { temperature: 0.3, tokensMax: 30 },
      { temperature: 0.3, tokensMax: 100 },
    ]);
  });

  it('asks without where its model has one temperature only, and remembers that', async () => {
    const { asked, model } = newModel(({ temperature }) =>
      temperature === undefined ? undefined : new ProviderRefused('invalid_request', 'temperature'),
    );
    expect(await model.write(PROMPT)).toBe(CHAT);
    await model.write(PROMPT);
    expect(asked.map(({ temperature }) => temperature)).toEqual([0.3, undefined, undefined]);
  });

  it.each([
    ['refused for another reason', new ProviderRefused('context_length')],
    ['refused for another field', new ProviderRefused('invalid_request', 'messages')],
    ['broken', new Error('broken')],
  ])('asks once when it is %s', async (_what, error) => {
    const { asked, model } = newModel(() => error);
    await expect(model.write(PROMPT)).rejects.toBe(error);
    expect(asked).toHaveLength(1);
  });
});
