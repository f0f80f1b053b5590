import { z } from 'zod';
import { flag, integer, names, oneOf, settingInfo, url, type SettingInfo } from './setting.js';

/**
 * Every setting of the service: the only place that knows the environment. `.env.example` is generated from it.
 * A default is written as it would stand in the environment, so that it goes through the same check.
 */
export const settingsSchema = z.object({
  ENVIRONMENT: setting(oneOf(['development', 'test', 'production']), 'development', {
    group: 'Service',
    description: 'What this process is for. production refuses embedded adapters and asks for credentials.',
  }),
  HOST: optional(z.string(), {
    group: 'Service',
    description: 'The address to listen on. By default 127.0.0.1, and 0.0.0.0 in production.',
  }),
  PORT: setting(integer(0, 65_535), '8000', {
    group: 'Service',
    description: 'The port to listen on; 0 takes a free one.',
  }),
  LOG_LEVEL: setting(
    z.preprocess(lower, oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])),
    'info',
    {
      group: 'Service',
      description: 'The least level that is logged.',
    },
  ),
  LOG_FORMAT: setting(z.preprocess(lower, oneOf(['json', 'console'])), 'json', {
    group: 'Service',
    description: 'One JSON object a line, or lines for human eyes.',
  }),
  STARTUP_TIMEOUT_MS: setting(integer(1_000, 600_000), '30000', {
    group: 'Service',
    unit: 'ms',
    description: 'How long the start waits for a critical dependency before it gives up.',
  }),
  DRAIN_TIMEOUT_MS: setting(integer(100, 600_000), '30000', {
    group: 'Service',
    unit: 'ms',
    description: 'How long a stop may take before the process ends regardless.',
  }),
  REQUEST_BYTES_MAX: setting(integer(1_024, 104_857_600), '1048576', {
    group: 'Limits',
    unit: 'bytes',
    description: 'The largest request body, documents excepted.',
  }),
  DOCUMENT_BYTES_MAX: setting(integer(1_024, 104_857_600), '10485760', {
    group: 'Limits',
    unit: 'bytes',
    description: 'The largest document, as UTF-8.',
  }),
  ALLOW_EMBEDDED: setting(flag(), 'false', {
    group: 'Embedded default',
    description: 'Lets production run on embedded adapters (PGlite, in-process cache, extractive answers).',
  }),
  DATA_DIR: setting(z.string(), './data', {
    group: 'Embedded default',
    description: 'The folder of the embedded database. One process at a time.',
  }),
  DATABASE_URL: optional(url('postgres', 'postgresql'), {
    group: 'Database',
    secret: true,
    description: 'PostgreSQL 15 or newer with the pgvector extension. Without it, PGlite in DATA_DIR.',
  }),
  DB_POOL_SIZE: setting(integer(2, 1_000), '20', {
    group: 'Database',
    unit: 'connections',
    description: 'Connections that the pool keeps (PostgreSQL only; PGlite has one).',
  }),
  DB_POOL_MAX_OVERFLOW: setting(integer(0, 1_000), '10', {
    group: 'Database',
    unit: 'connections',
    description: 'Further connections that the pool opens under load.',
  }),
  DB_STATEMENT_TIMEOUT_MS: setting(integer(100, 600_000), '30000', {
    group: 'Database',
    unit: 'ms',
    description: 'The longest that one statement may take; a request with less time left gives it less.',
  }),
  VECTOR_STORE_TYPE: setting(oneOf(['pgvector']), 'pgvector', {
    group: 'Vectors',
    description: 'Where vectors are kept.',
  }),
  COLLECTIONS: setting(names(), 'documents,job_descriptions,questions,answers,user_patterns', {
    group: 'Vectors',
    description:
      'The collections of documents. They are made at the start if they are missing, and never dropped.',
  }),
  VECTOR_SEARCH_BATCH_SIZE: setting(integer(1, 1_000), '100', {
    group: 'Vectors',
    unit: 'chunks',
    description: 'How many chunks are embedded at once.',
  }),
  EMBEDDING_CACHE_SIZE: setting(integer(0, 10_000_000), '10000', {
    group: 'Vectors',
    unit: 'entries',
    description: 'How many embeddings are remembered; 0 remembers none.',
  }),
  EMBEDDING_CACHE_TTL: setting(integer(1, 31_536_000), '7200', {
    group: 'Vectors',
    unit: 's',
    description: 'How long an embedding is remembered.',
  }),
  INGEST_CONCURRENCY: setting(integer(0, 64), '2', {
    group: 'Ingest',
    unit: 'jobs',
    description: 'How many documents one process embeds at a time; 0 leaves that to other processes.',
  }),
  HEALTH_INTERVAL_MS: setting(integer(100, 600_000), '5000', {
    group: 'Resilience',
    unit: 'ms',
    description: 'How often each dependency is checked in the background.',
  }),
  CIRCUIT_CONSECUTIVE_FAULTS: setting(integer(1, 1_000), '5', {
    group: 'Resilience',
    unit: 'faults',
    description: 'So many faults in a row open the circuit of a dependency.',
  }),
  CIRCUIT_WINDOW_CALLS: setting(integer(2, 10_000), '20', {
    group: 'Resilience',
    unit: 'calls',
    description: 'Half of the last so many calls failing opens the circuit as well.',
  }),
  CIRCUIT_BACKOFF_MIN_MS: setting(integer(10, 600_000), '1000', {
    group: 'Resilience',
    unit: 'ms',
    description: 'How long an open circuit first waits before it is probed.',
  }),
  CIRCUIT_BACKOFF_MAX_MS: setting(integer(10, 3_600_000), '60000', {
    group: 'Resilience',
    unit: 'ms',
    description: 'The longest wait between two probes of a dependency that stays sick.',
  }),
  JWT_SECRET_KEY: optional(z.string().min(32, 'must have at least 32 characters: openssl rand -hex 32'), {
    group: 'Access',
    secret: true,
    description:
      'Checks bearer tokens (HS256). Required in production; without it, outside production, no credentials are asked for.',
  }),
  OPERATOR_TOKEN: optional(z.string().min(16, 'must have at least 16 characters'), {
    group: 'Access',
    secret: true,
    description:
      'The bearer token of operators, for diagnostics. Without it they are answered to loopback only.',
  }),
});

function setting<T extends z.ZodType>(type: T, fallback: string, info: SettingInfo) {
  const schema = z.preprocess((v) => v ?? fallback, type);
  settingInfo.add(schema, { ...info, fallback });
  return schema;
}

function optional<T extends z.ZodType>(type: T, info: SettingInfo) {
  const schema = type.optional();
  settingInfo.add(schema, info);
  return schema;
}

function lower(v: unknown): unknown {
  return typeof v === 'string' ? v.toLowerCase() : v;
}

type Values = z.output<typeof settingsSchema>;

/** The settings of this process, checked and typed. Injected by its own name; read-only. */
// eslint-disable-next-line typescript/no-unsafe-declaration-merging -- the class is the token of the values' type
export interface Settings extends Values {}
// eslint-disable-next-line typescript/no-unsafe-declaration-merging
export class Settings {
  constructor(values: Values) {
    Object.assign(this, values);
    Object.freeze(this);
  }

  get production(): boolean {
    return this.ENVIRONMENT === 'production';
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
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) {
    throw new SettingsError(
      parsed.error.issues.map((issue) => ({ name: String(issue.path[0]), remedy: issue.message })),
    );
  }
  const problems = contradictions(parsed.data);
  if (problems.length > 0) throw new SettingsError(problems);
  return new Settings(parsed.data);
}

function contradictions(s: Values): SettingProblem[] {
  const problems: SettingProblem[] = [];
  if (s.ENVIRONMENT === 'production') {
    if (s.DATABASE_URL === undefined && !s.ALLOW_EMBEDDED) {
      problems.push({
        name: 'DATABASE_URL',
        remedy:
          'is required in production: set it to a PostgreSQL database, or set ALLOW_EMBEDDED=true to run on the embedded one',
      });
    }
    if (s.JWT_SECRET_KEY === undefined) {
      problems.push({
        name: 'JWT_SECRET_KEY',
        remedy:
          'is required in production: without it nobody could prove who they are (openssl rand -hex 32)',
      });
    }
  }
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
