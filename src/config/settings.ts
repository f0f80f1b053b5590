import { z } from 'zod';
import { accessSettings } from './access.settings.js';
import { resolveAliases } from './aliases.js';
import { cacheSettings } from './cache.settings.js';
import { databaseSettings } from './database.settings.js';
import { modelSettings, type ProviderSettings, readProviders } from './models.settings.js';
import { resilienceSettings } from './resilience.settings.js';
import { serviceSettings } from './service.settings.js';
import { telemetrySettings } from './telemetry.settings.js';
import { vectorsContradictions, vectorsSettings } from './vectors.settings.js';
import { textSettings } from './texts.settings.js';
import { webPagesSettings } from './web-pages.settings.js';

/**
 * Every setting of the service: the only place that knows the environment. `.env.example` is generated from it. Each
 * group stands in a file of its own, and may say with it what of its settings does not go together.
 */
export const settingsSchema = z.object({
  ...serviceSettings,
  ...databaseSettings,
  ...cacheSettings,
  ...vectorsSettings,
  ...modelSettings,
  ...textSettings,
  ...webPagesSettings,
  ...resilienceSettings,
  ...accessSettings,
  ...telemetrySettings,
});

type Values = z.output<typeof settingsSchema>;

/** The settings of this process, checked and typed. Injected by its own name; read-only. */
// eslint-disable-next-line typescript/no-unsafe-declaration-merging -- the class is the token of the values' type
export interface Settings extends Values {}
// eslint-disable-next-line typescript/no-unsafe-declaration-merging
export class Settings {
  /**
   * @param providers the providers of models, in order of preference
   * @param warnings what whoever set them should know; no value of a setting is in it
   */
  constructor(
    values: Values,
    readonly providers: readonly ProviderSettings[] = [],
    readonly warnings: readonly string[] = [],
  ) {
    Object.assign(this, values);
    Object.freeze(this);
  }

  get production(): boolean {
    return this.ENVIRONMENT === 'production';
  }

  /** Whether callers have to prove who they are. */
  get credentials(): boolean {
    return this.SECRET_KEY !== undefined || this.JWT_SECRET_KEY !== undefined;
  }

  /** The address to listen on. */
  get host(): string {
    return this.HOST ?? (this.production ? '0.0.0.0' : '127.0.0.1');
  }
}

/** One wrong setting, by name. `remedy` never holds the value. */
export interface SettingProblem {
  name: string;
  remedy: string;
}

/** The environment does not add up. Carries all that is wrong at once, so that nobody mends one at a time. */
export class SettingsError extends Error {
  constructor(readonly problems: readonly SettingProblem[]) {
    super(
      `${problems.length === 1 ? 'A setting is' : `${problems.length} settings are`} wrong:\n` +
        problems.map((p) => `  ${p.name} ${p.remedy}`).join('\n'),
    );
    this.name = 'SettingsError';
  }
}

/**
 * Reads the settings from an environment. An empty variable is an absent one: that is what compose files make of a
 * variable that is not set.
 * @throws SettingsError with every problem found
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
    ),
  );
  const { env: named, warnings } = resolveAliases(given);
  const parsed = settingsSchema.safeParse(named);
  if (!parsed.success) {
    throw new SettingsError(
      parsed.error.issues.map((issue) => ({ name: String(issue.path[0]), remedy: issue.message })),
    );
  }
  const { providers, problems } = readProviders(named, parsed.data);
  const wrong = [...problems, ...contradictions(parsed.data, providers)];
  if (wrong.length > 0) throw new SettingsError(wrong);
  return new Settings(parsed.data, providers, warnings);
}

function contradictions(s: Values, providers: readonly ProviderSettings[]): SettingProblem[] {
  const problems = [...inProduction(s, providers), ...vectorsContradictions(s)];
  if (s.CIRCUIT_BACKOFF_MAX_MS < s.CIRCUIT_BACKOFF_MIN_MS) {
    problems.push({ name: 'CIRCUIT_BACKOFF_MAX_MS', remedy: 'must not be less than CIRCUIT_BACKOFF_MIN_MS' });
  }
  if (!s.COLLECTIONS.includes('documents')) {
    problems.push({
      name: 'COLLECTIONS',
      remedy: 'must hold documents: it is where documents go by default',
    });
  }
  return problems;
}

/** In production nothing stands in for the real part unless somebody said that it may. */
function inProduction(s: Values, providers: readonly ProviderSettings[]): SettingProblem[] {
  if (s.ENVIRONMENT !== 'production') return [];
  const real: [name: string, is: boolean, what: string, standIn: string][] = [
    ['DATABASE_URL', s.DATABASE_URL !== undefined, 'a PostgreSQL database', 'the embedded one'],
    ['REDIS_URL', s.REDIS_URL !== undefined, 'a Redis server', 'the memory of each process'],
    [
      'LLM_PROVIDERS',
      providers.length > 0,
      'a provider of models (or set OPENAI_API_KEY or GROQ_API_KEY)',
      'quotations and likeness of words',
    ],
  ];
  const problems = real
    .filter(([, is]) => !is && !s.ALLOW_EMBEDDED)
    .map(([name, , what, standIn]) => ({
      name,
      remedy: `is required in production: set it to ${what}, or set ALLOW_EMBEDDED=true to run on ${standIn}`,
    }));
  if (s.SECRET_KEY !== undefined || s.JWT_SECRET_KEY !== undefined) return problems;
  const remedy =
    'is required in production, for API keys, or JWT_SECRET_KEY, for tokens: without one of them nobody could prove who they are (openssl rand -hex 32)';
  return [...problems, { name: 'SECRET_KEY', remedy }];
}
