import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Database } from '../../src/platform/database/database.js';
import { boot, bootChild } from '../support/boot.js';
import { aDocument, ingest } from '../support/documents.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';

const CANARY = 'canary-in-a-secret-canary-in-a-secret';

describe('A start that cannot succeed', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => void (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  /** @returns how it ended and what it said */
  async function failed(env: Record<string, string>) {
    const child = bootChild({ DATA_DIR: join(folder.path, 'data'), ...env });
    const { code } = await child.exited;
    const said = child.stderr() + child.stdout();
    expect(said).not.toContain(CANARY);
    return { code, said };
  }

  it.each([
    [{ PORT: 'eighty' }, 'PORT must be a whole number'],
    [{ ENVIRONMENT: 'production' }, 'DATABASE_URL is required in production'],
    [
      { ENVIRONMENT: 'production', DATABASE_URL: `postgres://u:${CANARY}@localhost/x` },
      'SECRET_KEY is required in production',
    ],
    [
      { DATABASE_URL: `mysql://u:${CANARY}@localhost/x` },
      'DATABASE_URL must be a URL that starts with postgres://',
    ],
    [{ JWT_SECRET_KEY: CANARY.slice(0, 31) }, 'JWT_SECRET_KEY must have at least 32 characters'],
    [{ COLLECTIONS: 'DROP TABLE' }, 'COLLECTIONS must be a comma list'],
  ])('ends with 10 for wrong settings, before anything opens: %j', async (env, words) => {
    const { code, said } = await failed(env);
    expect(code).toBe(10);
    expect(said).toContain(words);
    await expect(readFile(join(folder.path, 'data', 'mainstay.lock'))).rejects.toThrow('ENOENT');
  });

  it('ends with 17 for a data folder in use, and names the process that holds it', async () => {
    const env = { DATA_DIR: folder.path };
    const first = bootChild(env);
    const url = await first.ready();
    const { code, said } = await failed(env);
    expect(code).toBe(17);
    expect(said).toContain(`in use by process ${first.pid}`);
    expect(said).toContain(url);
    expect((await first.api('GET', '/health')).status).toBe(200);
    first.kill('SIGTERM');
    await first.exited;
  }, 60_000);

  it('ends with 17 for a data folder that is damaged, says what to do, and changes nothing in it', async () => {
    const cluster = join(folder.path, 'data', 'pglite');
    await mkdir(cluster, { recursive: true });
    await writeFile(join(cluster, 'PG_VERSION'), '18\n');
    await writeFile(join(cluster, 'postgresql.conf'), 'this is no configuration');
    const { code, said } = await failed({ STARTUP_TIMEOUT_MS: '8000' });
    expect(code).toBe(17);
    expect(said).toMatch(/cannot be opened .*Restore the folder from a backup/);
    expect(await readFile(join(cluster, 'postgresql.conf'), 'utf8')).toBe('this is no configuration');
  }, 60_000);

  it('ends with 17 for a data folder that cannot be made, and names it', async () => {
    await writeFile(join(folder.path, 'file'), '');
    const { code, said } = await failed({ DATA_DIR: join(folder.path, 'file', 'data') });
    expect(code).toBe(17);
    expect(said).toContain(`${join(folder.path, 'file', 'data')} cannot be used`);
  });

  it('ends with 16 for a port in use, and leaves the data folder free', async () => {
    const holder: Server = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    try {
      const { code, said } = await failed({ PORT: String(port) });
      expect(code).toBe(16);
      expect(said).toContain(`Port ${port} on 127.0.0.1 is in use`);
      await expect(readFile(join(folder.path, 'data', 'mainstay.lock'))).rejects.toThrow('ENOENT');
    } finally {
      holder.close();
    }
  }, 60_000);

  it('ends with 14 for a collection whose vectors are of another embedder', async () => {
    const env = { DATA_DIR: join(folder.path, 'data') };
    const service = await boot(env);
    const foreign = `update vectors.collections set model = 'another', dimension = 1536 where name = 'documents_1'`;
    await service.app.get(Database).query('pretend', foreign);
    await service.close();
    const { code, said } = await failed(env);
    expect(code).toBe(14);
    expect(said).toContain('documents holds vectors of another (1536 dimensions)');
  }, 60_000);

  it('ends with 11 for a database that is not there, within the time it may wait', async () => {
    const startedMs = performance.now();
    const env = { DATABASE_URL: `postgres://u:${CANARY}@127.0.0.1:1/x`, STARTUP_TIMEOUT_MS: '1500' };
    const { code, said } = await failed(env);
    expect(code).toBe(11);
    expect(said).toContain('database did not open');
    expect(said).toContain('Is it running');
    expect(performance.now() - startedMs).toBeLessThan(15_000);
  }, 60_000);
});

describe('A start and a stop', () => {
  it('finds everything again after a stop by SIGTERM, which ends with 0', async () => {
    const folder = await temporaryFolder();
    try {
      const first = bootChild({ DATA_DIR: folder.path });
      const { id } = await ingest(first.api, aDocument());
      first.kill('SIGTERM');
      expect(await first.exited).toEqual({ code: 0, signal: null });
      const second = bootChild({ DATA_DIR: folder.path });
      expect((await second.api('GET', `/api/v1/documents/${id}`)).body.status).toBe('ready');
      const { hits } = (await second.api('POST', '/api/v1/search', { query: 'What does the lamp burn?' }))
        .body;
      expect(hits[0].document_id).toBe(id);
      second.kill('SIGINT');
      expect(await second.exited).toEqual({ code: 0, signal: null });
    } finally {
      await folder.remove();
    }
  }, 60_000);

  it('takes over a data folder whose process was killed', async () => {
    const folder = await temporaryFolder();
    try {
      const first = bootChild({ DATA_DIR: folder.path });
      await first.ready();
      first.kill('SIGKILL');
      await first.exited;
      const second = bootChild({ DATA_DIR: folder.path });
      expect((await second.api('GET', '/api/v1/health/readiness')).body.status).toBe('ready');
      second.kill('SIGTERM');
      await second.exited;
    } finally {
      await rm(folder.path, { recursive: true, force: true });
    }
  }, 60_000);
});
