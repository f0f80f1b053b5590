/** A name under which somebody may have a setting already, and what becomes of it here. */
export interface Alias {
  name: string;
  /** The setting that it stands for; undefined where there is nothing to set any more. */
  setting?: string;
  /** What the value becomes. Without it, the same. */
  convert?: (value: string) => string;
  /** For people: what became of it, where that is more than another name. */
  note?: string;
}

const inMilliseconds = (seconds: string) =>
  /^\d+$/.test(seconds) ? String(Number(seconds) * 1_000) : seconds;

/** `postgresql+asyncpg://…` names a Python driver, which is none of our business. */
const withoutDriver = (address: string) => address.replace(/^(postgres(?:ql)?)\+\w+:/, '$1:');

/** A host alone, as Qdrant Cloud shows it, is served with TLS on Qdrant's own port. */
function asUrl(host: string): string {
  if (host.includes('://')) return host;
  const local = /^(localhost|127\.|\[?::1)/.test(host);
  const port = /:\d+$/.test(host) ? '' : ':6333';
  return `${local ? 'http' : 'https'}://${host}${port}`;
}

/** Names of settings in the systems that Mainstay takes the place of. */
export const aliases: readonly Alias[] = [
  { name: 'POSTGRES_URI', setting: 'DATABASE_URL', convert: withoutDriver },
  { name: 'POSTGRES_ASYNC_URI', setting: 'DATABASE_URL', convert: withoutDriver },
  { name: 'ASYNC_DATABASE_POOL_SIZE', setting: 'DB_POOL_SIZE' },
  { name: 'ASYNC_DATABASE_MAX_OVERFLOW', setting: 'DB_POOL_MAX_OVERFLOW' },
  {
    name: 'ASYNC_DATABASE_POOL_TIMEOUT',
    setting: 'DB_ACQUIRE_TIMEOUT_MS',
    convert: inMilliseconds,
    note: 'in seconds',
  },
  { name: 'ASYNC_DATABASE_POOL_RECYCLE', setting: 'DB_POOL_RECYCLE_S' },
  {
    name: 'ASYNC_DATABASE_ENABLED',
    note: 'not needed: the database is never waited for by the whole process',
  },
  { name: 'VECTOR_STORE_HOST', setting: 'QDRANT_URL', convert: asUrl },
  { name: 'VECTOR_STORE_API_KEY', setting: 'QDRANT_API_KEY' },
  {
    name: 'VECTOR_SEARCH_TIMEOUT',
    setting: 'VECTOR_SEARCH_TIMEOUT_MS',
    convert: inMilliseconds,
    note: 'in seconds',
  },
  {
    name: 'DEBUG',
    setting: 'LOG_LEVEL',
    convert: (value) => (value.toLowerCase() === 'true' ? 'debug' : ''),
    note: 'true stands for debug',
  },
  { name: 'REDIS_HOST', note: 'part of REDIS_URL: redis://[user:password@]host[:port][/db]' },
  { name: 'REDIS_PORT', note: 'part of REDIS_URL' },
  { name: 'REDIS_PASSWORD', note: 'part of REDIS_URL' },
  { name: 'REDIS_DB', note: 'part of REDIS_URL' },
];

/**
 * Takes the values of other names into the settings that they stand for. Our own name goes before theirs.
 * @param env without empty variables
 * @returns the environment with our names, and what is to be said about it; never a value, which may be a secret
 */
export function resolveAliases(env: Readonly<Record<string, string>>): {
  env: Record<string, string>;
  warnings: string[];
} {
  const resolved: Record<string, string> = { ...env };
  const warnings: string[] = [];
  const from = new Map<string, string>();
  for (const { name, setting, convert = (value: string) => value, note } of aliases) {
    const given = env[name];
    if (given === undefined) continue;
    if (setting === undefined) {
      if (!name.startsWith('REDIS_')) warnings.push(`${name} is not read: ${note}`);
      continue;
    }
    const value = convert(given);
    if (value === '') continue;
    const standing = resolved[setting];
    if (standing === undefined) {
      resolved[setting] = value;
      from.set(setting, name);
    } else if (standing !== value) {
      warnings.push(`${name} is not read: ${from.get(setting) ?? setting} is set and says something else`);
    }
  }
  return { env: withRedis(resolved, warnings), warnings };
}

/** The address of Redis out of its parts, where only these are given. */
function withRedis(env: Record<string, string>, warnings: string[]): Record<string, string> {
  const { REDIS_HOST: host, REDIS_PORT: port = '6379', REDIS_PASSWORD: password, REDIS_DB: db = '0' } = env;
  if (host === undefined) return env;
  if (env.REDIS_URL !== undefined) {
    warnings.push('REDIS_HOST is not read: REDIS_URL is set');
    return env;
  }
  const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  return { ...env, REDIS_URL: `redis://${credentials}${host}:${port}/${db}` };
}
