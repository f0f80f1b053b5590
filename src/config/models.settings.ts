import { z } from 'zod';
import { integer, names, optional, setting, url } from './setting.js';

/** It goes into a header: what cannot stand there would fail every call. */
const key = () =>
  z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces: was a line end copied with it?');

/** The providers of models and of searches in the web. What each provider has of its own stands in `providerShape`. */
export const modelSettings = {
  LLM_PROVIDERS: optional(names(), {
    group: 'Models',
    description:
      'Providers of models with an OpenAI-compatible API, a comma list in order of preference. Without it, openai and groq where their keys are set; without those, answers are quoted from the documents.',
  }),
  DEFAULT_EMBEDDING_MODEL: setting(z.string(), 'text-embedding-3-small', {
    group: 'Models',
    description: 'The embedding model of a provider that is known to have some and names none.',
  }),
  LLM_TOKENS_MAX: setting(integer(16, 100_000), '1024', {
    group: 'Models',
    unit: 'tokens',
    description: 'The longest answer that is asked of a model.',
  }),
  LLM_CONCURRENCY: setting(integer(1, 10_000), '64', {
    group: 'Models',
    unit: 'calls',
    description: 'Calls under way at once to each model; further ones queue.',
  }),
  LLM_CONNECT_TIMEOUT_MS: setting(integer(10, 60_000), '2000', {
    group: 'Models',
    unit: 'ms',
    description: 'The longest that a connection to a provider may take.',
  }),
  LLM_FIRST_TOKEN_TIMEOUT_MS: setting(integer(10, 600_000), '8000', {
    group: 'Models',
    unit: 'ms',
    description: 'The longest wait for the first words of an answer. Models that think first need more.',
  }),
  LLM_IDLE_TIMEOUT_MS: setting(integer(10, 600_000), '5000', {
    group: 'Models',
    unit: 'ms',
    description: 'The longest pause within an answer.',
  }),
  LLM_TIMEOUT_MS: setting(integer(10, 3_600_000), '60000', {
    group: 'Models',
    unit: 'ms',
    description: 'The longest that one answer may take; a request with less time left gives it less.',
  }),
  EMBEDDING_TIMEOUT_MS: setting(integer(10, 600_000), '2000', {
    group: 'Models',
    unit: 'ms',
    description:
      'The longest that the embedding of a question may take. A batch of a hundred texts has five times as long.',
  }),
  TAVILY_API_KEY: optional(key(), {
    group: 'Web search',
    secret: true,
    description: 'Lets answers look into the web when they are asked to (web: true).',
  }),
  TAVILY_BASE_URL: setting(url('http', 'https'), 'https://api.tavily.com', {
    group: 'Web search',
    description: 'Where the web is searched.',
  }),
  TAVILY_RPM: setting(integer(1, 1_000_000), '20', {
    group: 'Web search',
    unit: 'requests/min',
    description: 'How many searches of the web are allowed, over all replicas.',
  }),
  WEB_SEARCH_TIMEOUT_MS: setting(integer(10, 60_000), '4000', {
    group: 'Web search',
    unit: 'ms',
    description: 'The longest that one search of the web may take.',
  }),
};

/** One provider of models, ready to be asked. */
export interface ProviderSettings {
  name: string;
  /** Up to and with the version, without a slash at its end: `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey: string | undefined;
  /** undefined: it only embeds. */
  model: string | undefined;
  embedding: EmbeddingSettings | undefined;
  /** undefined: no limit that we would have to keep. Each model has its own. */
  requestsPerMinute: number | undefined;
  tokensPerMinute: number | undefined;
  /** USD per million tokens; 0 where nothing is said. */
  price: { input: number; output: number };
  /** Newer models of some refuse the name that everybody else knows. */
  limitField: 'max_tokens' | 'max_completion_tokens';
}

export interface EmbeddingSettings {
  model: string;
  dimension: number;
  /** The dimension is less than the model's own, which it has to be told. */
  shortened: boolean;
}

/** What is known of a provider by its name. */
interface Known {
  baseUrl: string;
  model: string;
  embeds: boolean;
  requestsPerMinute?: string;
}

const KNOWN: Readonly<Record<string, Known>> = {
  openai: { baseUrl: 'https://api.openai.com/v1', model: 'gpt-5.4-mini', embeds: true },
  groq: {
    baseUrl: 'https://api.groq.com/openai/v1',
    model: 'llama-3.3-70b-versatile',
    embeds: false,
    requestsPerMinute: '30',
  },
};

/** The providers that an API key alone makes. */
export const KNOWN_PROVIDERS: readonly string[] = Object.keys(KNOWN);

const DIMENSIONS: Readonly<Record<string, number>> = {
  'text-embedding-3-small': 1_536,
  'text-embedding-3-large': 3_072,
  'text-embedding-ada-002': 1_536,
  'nomic-embed-text': 768,
  'mxbai-embed-large': 1_024,
  'bge-m3': 1_024,
  'all-minilm': 384,
};

const price = () =>
  z
    .string()
    .regex(/^\d{1,9}(\.\d{1,9})?$/, 'must be a number of US dollars, such as 0.15')
    .transform(Number);

/** The settings that each provider has, without the `<NAME>_` in front of them. */
export function providerShape(name: string) {
  const known = KNOWN[name];
  const group = `Provider ${name}`;
  const or = <T extends z.ZodType>(type: T, fallback: string | undefined, description: string) =>
    fallback === undefined
      ? optional(type, { group, description })
      : setting(type, fallback, { group, description });
  return {
    BASE_URL: or(url('http', 'https'), known?.baseUrl, 'Where its API is, up to the version (…/v1).'),
    API_KEY: optional(key(), { group, secret: true, description: 'The key to its API.' }),
    MODEL: or(z.string(), known?.model, 'The model that answers.'),
    EMBEDDING_MODEL: optional(z.string(), { group, description: 'The model that embeds.' }),
    EMBEDDING_DIMENSION: optional(integer(1, 16_000), {
      group,
      description: 'How many numbers a vector of its embedding model has, where that is not known.',
    }),
    RPM: or(integer(1, 10_000_000), known?.requestsPerMinute, 'Requests a minute that it allows each model.'),
    TPM: optional(integer(1, 10_000_000_000), {
      group,
      unit: 'tokens/min',
      description: 'Tokens a minute that it allows each model.',
    }),
    PRICE_INPUT: setting(price(), '0', { group, description: 'USD per million tokens that it reads.' }),
    PRICE_OUTPUT: setting(price(), '0', { group, description: 'USD per million tokens that it writes.' }),
  };
}

interface Problem {
  name: string;
  remedy: string;
}

/**
 * The providers that an environment names, in order of preference.
 * @param env without empty variables
 * @param values the settings of all providers, read already
 * @returns all that is wrong, by the name of the variable, and the providers that nothing is wrong with
 */
export function readProviders(
  env: Readonly<Record<string, string | undefined>>,
  values: { LLM_PROVIDERS?: readonly string[] | undefined; DEFAULT_EMBEDDING_MODEL: string },
): { providers: ProviderSettings[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const providers: ProviderSettings[] = [];
  const names =
    values.LLM_PROVIDERS ??
    KNOWN_PROVIDERS.filter((name) => env[`${name.toUpperCase()}_API_KEY`] !== undefined);
  for (const name of new Set(names)) {
    const read = readProvider(name, env, values.DEFAULT_EMBEDDING_MODEL);
    if (Array.isArray(read)) problems.push(...read);
    else providers.push(read);
  }
  return { providers, problems };
}

function readProvider(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  embeddingModel: string,
): ProviderSettings | Problem[] {
  const known = KNOWN[name];
  const variable = (field: string) => `${name.toUpperCase()}_${field}`;
  const shape = providerShape(name);
  const given = Object.fromEntries(Object.keys(shape).map((field) => [field, env[variable(field)]]));
  const parsed = z.object(shape).safeParse(given);
  if (!parsed.success)
    return parsed.error.issues.map(({ path, message }) => ({
      name: variable(String(path[0])),
      remedy: message,
    }));
  const s = parsed.data;
  const problems: Problem[] = [];
  const missing = (field: string, remedy: string) => problems.push({ name: variable(field), remedy });
  if (s.BASE_URL === undefined)
    missing('BASE_URL', `is required: where the API of ${name} is, as in LLM_PROVIDERS`);
  if (s.API_KEY === undefined && known !== undefined && s.BASE_URL === known.baseUrl)
    missing('API_KEY', `is required: ${name} answers nobody without a key`);
  if (s.MODEL === undefined && s.EMBEDDING_MODEL === undefined)
    missing('MODEL', `is required, or ${variable('EMBEDDING_MODEL')}: what shall ${name} be asked for?`);
  const embeds = s.EMBEDDING_MODEL ?? (known?.embeds === true ? embeddingModel : undefined);
  const own = embeds === undefined ? undefined : DIMENSIONS[embeds];
  const dimension = s.EMBEDDING_DIMENSION ?? own;
  if (embeds !== undefined && dimension === undefined)
    missing(
      'EMBEDDING_DIMENSION',
      'is required: how many numbers a vector of this embedding model has is not known',
    );
  if (problems.length > 0) return problems;
  return {
    name,
    baseUrl: s.BASE_URL!.replace(/\/+$/, ''),
    apiKey: s.API_KEY,
    model: s.MODEL,
    embedding:
      embeds === undefined
        ? undefined
        : { model: embeds, dimension: dimension!, shortened: own !== undefined && dimension !== own },
    requestsPerMinute: s.RPM,
    tokensPerMinute: s.TPM,
    price: { input: s.PRICE_INPUT, output: s.PRICE_OUTPUT },
    limitField: known === undefined ? 'max_tokens' : 'max_completion_tokens',
  };
}
