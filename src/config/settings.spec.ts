import { readSettings, SettingsError } from './settings.js';

/** What is said of an environment that is wrong. */
function problemsOf(env: Record<string, string>): readonly { name: string; remedy: string }[] {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('readSettings', () => {
  it('needs nothing: an empty environment is the embedded default', () => {
    expect(readSettings({})).toMatchObject({
      ENVIRONMENT: 'development',
      PORT: 8000,
      DATA_DIR: './data',
      EMBEDDING_CACHE_SIZE: 10_000,
      EMBEDDING_CACHE_TTL: 7_200,
      COLLECTIONS: ['documents', 'job_descriptions', 'questions', 'answers', 'user_patterns'],
    });
    expect(readSettings({}).DATABASE_URL).toBeUndefined();
    expect(readSettings({}).host).toBe('127.0.0.1');
  });

  it('takes an empty variable for one that is not set', () => {
    const settings = readSettings({ PORT: '', DATABASE_URL: '' });
    expect(settings.PORT).toBe(8000);
    expect(settings.DATABASE_URL).toBeUndefined();
  });

  it('ignores what is none of its business', () => {
    expect(() => readSettings({ PATH: '/bin', npm_config_x: 'y' })).not.toThrow();
  });

  it.each([
    ['PORT', '80a', 'must be a whole number from 0 to 65535'],
    ['PORT', '65536', 'must be a whole number from 0 to 65535'],
    ['PORT', '80.5', 'must be a whole number from 0 to 65535'],
    ['ENVIRONMENT', 'prod', 'must be one of development, test, production'],
    ['LOG_LEVEL', 'loud', 'must be one of trace, debug, info, warn, error, fatal'],
    ['LOG_FORMAT', 'xml', 'must be one of json, console'],
    ['ALLOW_EMBEDDED', 'yes', 'must be true or false'],
    ['DATABASE_URL', 'mysql://localhost/x', 'must be a URL that starts with postgres:// or postgresql://'],
    ['DATABASE_URL', 'localhost', 'must be a URL that starts with postgres:// or postgresql://'],
    ['VECTOR_STORE_TYPE', 'chroma', 'must be one of qdrant, pgvector'],
    ['COLLECTIONS', 'documents,No Good', 'must be a comma list of names'],
    ['COLLECTIONS', 'questions', 'must hold documents'],
    ['EMBEDDING_CACHE_SIZE', '-1', 'must be a whole number'],
    ['JWT_SECRET_KEY', 'short', 'must have at least 32 characters'],
    ['SECRET_KEY', 'x'.repeat(31), 'must have at least 32 characters: openssl rand -hex 32'],
    ['CORS_ORIGINS', '*', 'must be a comma list of origins'],
    ['CORS_ORIGINS', 'https://a.example/', 'must be a comma list of origins'],
    ['CORS_ORIGINS', 'https://a.example,b.example', 'must be a comma list of origins'],
    ['TRUST_PROXY', 'true', 'must be a comma list of addresses, CIDR ranges'],
    ['RATE_LIMIT_REQUESTS', '-1', 'must be a whole number from 0'],
    ['OPERATOR_TOKEN', 'short', 'must have at least 16 characters'],
  ])('refuses %s=%s by name, with the remedy', (name, value, remedy) => {
    expect(problemsOf({ [name]: value })).toEqual([{ name, remedy: expect.stringContaining(remedy) }]);
  });

  it('takes origins and proxies as lists', () => {
    const { CORS_ORIGINS: origins, TRUST_PROXY: proxies } = readSettings({
      CORS_ORIGINS: 'https://a.example, http://localhost:3000',
      TRUST_PROXY: 'loopback,10.0.0.0/8,fd00::/8,::1',
    });
    expect(origins).toEqual(['https://a.example', 'http://localhost:3000']);
    expect(proxies).toBe('loopback,10.0.0.0/8,fd00::/8,::1');
  });

  it('takes upper case where the sources write it so', () => {
    expect(readSettings({ LOG_LEVEL: 'INFO', LOG_FORMAT: 'JSON' })).toMatchObject({
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
    });
  });

  it('says all that is wrong at once', () => {
    const names = problemsOf({ PORT: 'x', LOG_LEVEL: 'y', DATABASE_URL: 'z' }).map((p) => p.name);
    expect(names.toSorted()).toEqual(['DATABASE_URL', 'LOG_LEVEL', 'PORT']);
    expect(() => readSettings({ PORT: 'x', LOG_LEVEL: 'y' })).toThrow('2 settings are wrong');
    expect(() => readSettings({ PORT: 'x' })).toThrow('A setting is wrong');
  });

  it('never repeats the value of a setting', () => {
    const canary = 'canary';
    for (const name of [
      'DATABASE_URL',
      'SECRET_KEY',
      'JWT_SECRET_KEY',
      'CORS_ORIGINS',
      'OPERATOR_TOKEN',
      'PORT',
      'LOG_LEVEL',
      'COLLECTIONS',
    ]) {
      expect(JSON.stringify(problemsOf({ [name]: `${canary} ${canary}` }))).not.toContain(canary);
    }
  });

  it('lets production run on real parts and with credentials only', () => {
    expect(problemsOf({ ENVIRONMENT: 'production' }).map((p) => p.name)).toEqual([
      'DATABASE_URL',
      'REDIS_URL',
      'LLM_PROVIDERS',
      'SECRET_KEY',
    ]);
    const real = {
      ENVIRONMENT: 'production',
      DATABASE_URL: 'postgres://h/d',
      REDIS_URL: 'redis://h',
      OPENAI_API_KEY: 'sk-x',
      JWT_SECRET_KEY: 'x'.repeat(32),
    };
    expect(problemsOf(real)).toEqual([]);
    const { JWT_SECRET_KEY: secret, ...without } = real;
    expect(problemsOf({ ...without, SECRET_KEY: secret })).toEqual([]);
    expect(problemsOf(without)).toEqual([
      { name: 'SECRET_KEY', remedy: expect.stringContaining('or JWT_SECRET_KEY') },
    ]);
    const settings = readSettings({
      ENVIRONMENT: 'production',
      ALLOW_EMBEDDED: 'true',
      JWT_SECRET_KEY: 'x'.repeat(32),
    });
    expect(settings.host).toBe('0.0.0.0');
    expect(settings.production).toBe(true);
  });

  it.each([
    [{ VECTOR_STORE_TYPE: 'qdrant' }, 'QDRANT_URL'],
    [{ VECTOR_STORE_TYPE: 'pgvector', QDRANT_URL: 'http://h:6333' }, 'VECTOR_STORE_TYPE'],
    [{ QDRANT_API_KEY: 'k' }, 'QDRANT_API_KEY'],
  ])('refuses %j, which does not go together', (env, name) => {
    expect(problemsOf(env as Record<string, string>).map((p) => p.name)).toEqual([name]);
  });

  it('refuses limits that contradict each other', () => {
    const names = problemsOf({ CIRCUIT_BACKOFF_MIN_MS: '5000', CIRCUIT_BACKOFF_MAX_MS: '1000' }).map(
      (p) => p.name,
    );
    expect(names).toEqual(['CIRCUIT_BACKOFF_MAX_MS']);
  });

  it('cannot be changed afterwards', () => {
    const settings = readSettings({}) as { PORT: number };
    expect(() => (settings.PORT = 1)).toThrow(TypeError);
  });
});
