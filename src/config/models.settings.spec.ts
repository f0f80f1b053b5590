import { type ProviderSettings, providerShape, readProviders } from './models.settings.js';
import { readSettings } from './settings.js';

const EMBEDDING = { DEFAULT_EMBEDDING_MODEL: 'text-embedding-3-small' };
const read = (env: Record<string, string>, names?: string[]) =>
  readProviders(env, { ...EMBEDDING, ...(names && { LLM_PROVIDERS: names }) });

describe('readProviders', () => {
  it('finds none in an empty environment', () => {
    expect(read({})).toEqual({ providers: [], problems: [] });
    expect(readSettings({}).providers).toEqual([]);
  });

  it('makes a provider of a lone key, openai before groq', () => {
    expect(read({ GROQ_API_KEY: 'gsk' }).providers.map(({ name }) => name)).toEqual(['groq']);
    const { providers } = read({ GROQ_API_KEY: 'gsk', OPENAI_API_KEY: 'sk' });
    expect(providers).toMatchObject<Partial<ProviderSettings>[]>([
      {
        name: 'openai',
        baseUrl: 'https://api.openai.com/v1',
        apiKey: 'sk',
        model: expect.any(String) as string,
        embedding: { model: 'text-embedding-3-small', dimension: 1_536, shortened: false },
        requestsPerMinute: undefined,
        limitField: 'max_completion_tokens',
      },
      {
        name: 'groq',
        baseUrl: 'https://api.groq.com/openai/v1',
        embedding: undefined,
        requestsPerMinute: 30,
        tokensPerMinute: undefined,
      },
    ]);
  });

  it('takes the order of preference from LLM_PROVIDERS, each name once', () => {
    const keys = { GROQ_API_KEY: 'gsk', OPENAI_API_KEY: 'sk' };
    expect(read(keys, ['groq', 'openai', 'groq']).providers.map(({ name }) => name)).toEqual([
      'groq',
      'openai',
    ]);
  });

  it('takes any provider that says where it is and what it has', () => {
    const env = {
      LOCAL_BASE_URL: 'http://127.0.0.1:11434/v1/',
      LOCAL_MODEL: 'qwen',
      LOCAL_EMBEDDING_MODEL: 'something-new',
      LOCAL_EMBEDDING_DIMENSION: '512',
      LOCAL_RPM: '60',
      LOCAL_TPM: '6000',
      LOCAL_PRICE_INPUT: '0.15',
      LOCAL_PRICE_OUTPUT: '3',
    };
    expect(read(env, ['local'])).toEqual({
      problems: [],
      providers: [
        {
          name: 'local',
          baseUrl: 'http://127.0.0.1:11434/v1',
          apiKey: undefined,
          model: 'qwen',
          embedding: { model: 'something-new', dimension: 512, shortened: false },
          requestsPerMinute: 60,
          tokensPerMinute: 6_000,
          price: { input: 0.15, output: 3 },
          limitField: 'max_tokens',
        },
      ],
    });
  });

  it('knows the dimensions of the usual models, and when one is shortened', () => {
    const env = { OPENAI_API_KEY: 'sk', OPENAI_EMBEDDING_MODEL: 'text-embedding-3-large' };
    expect(read(env).providers[0]!.embedding).toMatchObject({ dimension: 3_072, shortened: false });
    expect(read({ ...env, OPENAI_EMBEDDING_DIMENSION: '1024' }).providers[0]!.embedding).toMatchObject({
      dimension: 1_024,
      shortened: true,
    });
  });

  it('lets a provider embed only', () => {
    const env = { LOCAL_BASE_URL: 'http://127.0.0.1/v1', LOCAL_EMBEDDING_MODEL: 'bge-m3' };
    expect(read(env, ['local']).providers).toMatchObject([
      { model: undefined, embedding: { dimension: 1_024 } },
    ]);
  });

  it.each<[wrong: string, env: Record<string, string>, name: string]>([
    ['no address', { X_MODEL: 'm' }, 'X_BASE_URL'],
    ['no model', { X_BASE_URL: 'http://x/v1' }, 'X_MODEL'],
    ['an address of another kind', { X_BASE_URL: 'ftp://canary', X_MODEL: 'm' }, 'X_BASE_URL'],
    ['a key with a line end', { X_BASE_URL: 'http://x', X_MODEL: 'm', X_API_KEY: 'canary\n' }, 'X_API_KEY'],
    ['a limit of none', { X_BASE_URL: 'http://x', X_MODEL: 'm', X_RPM: '0' }, 'X_RPM'],
    ['a price that is none', { X_BASE_URL: 'http://x', X_MODEL: 'm', X_PRICE_INPUT: '-1' }, 'X_PRICE_INPUT'],
    [
      'vectors of no known length',
      { X_BASE_URL: 'http://x', X_EMBEDDING_MODEL: 'new' },
      'X_EMBEDDING_DIMENSION',
    ],
  ])('refuses a provider with %s, by the name of the setting', (_wrong, env, name) => {
    const { providers, problems } = read(env, ['x']);
    expect(providers).toEqual([]);
    expect(problems.map((problem) => problem.name)).toEqual([name]);
    expect(JSON.stringify(problems)).not.toContain('canary');
  });

  it('refuses a provider that answers nobody without a key', () => {
    expect(read({}, ['openai']).problems).toEqual([
      { name: 'OPENAI_API_KEY', remedy: expect.stringContaining('is required') },
    ]);
    expect(read({ OPENAI_BASE_URL: 'http://127.0.0.1/v1' }, ['openai']).problems).toEqual([]);
  });

  it('describes every setting of a provider', () => {
    expect(Object.keys(providerShape('groq'))).toEqual(Object.keys(providerShape('anybody')));
  });
});
