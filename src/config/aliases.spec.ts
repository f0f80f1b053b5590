import { aliases, resolveAliases } from './aliases.js';
import { readSettings, settingsSchema } from './settings.js';

describe('The names of other systems', () => {
  it('stand for settings that exist', () => {
    for (const { setting } of aliases)
      if (setting !== undefined) expect(Object.keys(settingsSchema.shape)).toContain(setting);
  });

  it.each([
    [{ POSTGRES_URI: 'postgresql://u:p@h/d' }, { DATABASE_URL: 'postgresql://u:p@h/d' }],
    [{ POSTGRES_ASYNC_URI: 'postgresql+asyncpg://u:p@h/d' }, { DATABASE_URL: 'postgresql://u:p@h/d' }],
    [{ ASYNC_DATABASE_POOL_SIZE: '12' }, { DB_POOL_SIZE: '12' }],
    [{ ASYNC_DATABASE_POOL_TIMEOUT: '30' }, { DB_ACQUIRE_TIMEOUT_MS: '30000' }],
    [{ VECTOR_STORE_HOST: 'x.cloud.qdrant.io' }, { QDRANT_URL: 'https://x.cloud.qdrant.io:6333' }],
    [{ VECTOR_STORE_HOST: 'localhost:7333' }, { QDRANT_URL: 'http://localhost:7333' }],
    [{ VECTOR_STORE_HOST: 'http://qdrant:6333' }, { QDRANT_URL: 'http://qdrant:6333' }],
    [{ VECTOR_SEARCH_TIMEOUT: '30' }, { VECTOR_SEARCH_TIMEOUT_MS: '30000' }],
    [{ DEBUG: 'True' }, { LOG_LEVEL: 'debug' }],
    [{ REDIS_HOST: 'cache', REDIS_PASSWORD: 'a/b' }, { REDIS_URL: 'redis://:a%2Fb@cache:6379/0' }],
    [{ REDIS_HOST: 'cache', REDIS_PORT: '7000', REDIS_DB: '2' }, { REDIS_URL: 'redis://cache:7000/2' }],
  ])('%j is %j', (given, becomes) => {
    const { env, warnings } = resolveAliases(given);
    expect(env).toMatchObject(becomes);
    expect(warnings).toEqual([]);
  });

  it('say nothing where they say the same', () => {
    expect(resolveAliases({ DB_POOL_SIZE: '5', ASYNC_DATABASE_POOL_SIZE: '5' }).warnings).toEqual([]);
    expect(resolveAliases({ DEBUG: 'false' })).toEqual({ env: { DEBUG: 'false' }, warnings: [] });
  });

  it('yield to ours where two disagree, which is said without a value', () => {
    const { env, warnings } = resolveAliases({
      DATABASE_URL: 'postgres://ours:secret-1@h/d',
      POSTGRES_URI: 'postgres://theirs:secret-2@h/d',
      REDIS_URL: 'redis://a',
      REDIS_HOST: 'b',
    });
    expect(env.DATABASE_URL).toContain('ours');
    expect(env.REDIS_URL).toBe('redis://a');
    expect(warnings).toEqual([
      'POSTGRES_URI is not read: DATABASE_URL is set and says something else',
      'REDIS_HOST is not read: REDIS_URL is set',
    ]);
  });

  it('name each other where two of theirs disagree', () => {
    const { warnings } = resolveAliases({
      POSTGRES_URI: 'postgres://a/d',
      POSTGRES_ASYNC_URI: 'postgres://b/d',
    });
    expect(warnings).toEqual(['POSTGRES_ASYNC_URI is not read: POSTGRES_URI is set and says something else']);
  });

  it('are said to do nothing where they do nothing', () => {
    const { warnings } = readSettings({ ASYNC_DATABASE_ENABLED: 'true' });
    expect(warnings[0]).toMatch('ASYNC_DATABASE_ENABLED is not read');
  });

  it('reach the settings, with the same checks', () => {
    expect(readSettings({ ASYNC_DATABASE_POOL_SIZE: '7' }).DB_POOL_SIZE).toBe(7);
    expect(() => readSettings({ ASYNC_DATABASE_POOL_SIZE: 'many' })).toThrow('DB_POOL_SIZE');
  });
});
