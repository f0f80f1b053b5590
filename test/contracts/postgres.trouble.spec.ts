import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { Deadline } from '../../src/kernel/deadline.js';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { eventuallyHolds } from '../support/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { describeNotRun, describeWithPostgres } from '../support/needs.js';
import { postgresMissing, PostgresServer } from '../support/postgres.js';
import { reasonOf } from './database.suite.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

const settings = { DB_POOL_SIZE: 4, DB_POOL_MAX_OVERFLOW: 2, DB_STATEMENT_TIMEOUT_MS: 30_000 };
const soon = () => AbortSignal.timeout(20_000);

describeWithPostgres('A PostgreSQL server', () => {
  let server: PostgresServer;
  let folder: TemporaryFolder;
  let url: string;
  const opened: PostgresDatabase[] = [];
  const open = async (at: string) => {
    const db = new PostgresDatabase(settings, at);
    opened.push(db);
    await db.open(soon());
    return db;
  };

  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  beforeEach(async () => {
    folder = await temporaryFolder();
    url = await server.newDatabase();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((db) => db.close()));
    await folder.remove();
  });
  afterAll(() => server.stop());

  it('that hangs costs a call the time of two connections at most, and leaves nothing behind', async () => {
    const db = await open(url);
    await db.administer('make a table', (tx) => tx.query('create table written (n int)'));
    const write = () => db.transaction('write', (tx) => tx.query('insert into written values (1)'));
    await Promise.all(Array.from({ length: 4 }, write));
    await eventuallyHolds(() => expect(db.pool()).toMatchObject({ idle: 4, inUse: 0 }));
    server.pause();
    try {
      for (let i = 0; i < 5; i += 1) {
        const startedMs = performance.now();
        expect(await write().catch(reasonOf)).toBe('hung');
        expect(performance.now() - startedMs).toBeLessThan(3_000);
      }
      expect(db.pool()).toMatchObject({ inUse: 0, waiting: 0 });
    } finally {
      server.resume();
    }
    await write();
    expect(await db.query('count', 'select count(*)::int as n from written')).toEqual([{ n: 5 }]);
  });

  it('is told with each transaction how long its request has left', async () => {
    const db = await open(url);
    const read = () =>
      db.transaction(
        'look',
        async (tx) =>
          (
            await tx.query<{ ms: number }>(
              `select extract(epoch from current_setting('statement_timeout')::interval)::float8 * 1000 as ms`,
            )
          )[0]!.ms,
      );
    expect(await read()).toBe(30_000);
    const request = new Deadline(700);
    const ms = await request.run(read);
    request.release();
    expect(ms).toBeGreaterThan(300);
    expect(ms).toBeLessThanOrEqual(700);
    expect(await read()).toBe(30_000);
  });

  it('or a pooler before it is asked for nothing in the startup message that a pooler refuses', async () => {
    const asked = Promise.withResolvers<Buffer>();
    const pooler = createServer((client: Socket) =>
      client.once('data', (bytes: Buffer) => {
        asked.resolve(bytes);
        client.destroy();
      }),
    );
    await new Promise<void>((resolve) => pooler.listen(0, '127.0.0.1', resolve));
    const { port } = pooler.address() as { port: number };
    await expect(open(`postgres://somebody@127.0.0.1:${port}/somewhere`)).rejects.toThrow();
    await new Promise((resolve) => pooler.close(resolve));
    const words = (await asked.promise).subarray(8).toString('utf8').split('\0');
    const names = words.filter((word, i) => i % 2 === 0 && word !== '');
    // Whatever else is said there pgbouncer answers with "unsupported startup parameter".
    expect(names.toSorted()).toEqual(['application_name', 'client_encoding', 'database', 'user']);
  });

  it('is spoken to through TLS where its URL says so, and only if it is the one', async () => {
    const [key, certificate] = ['server.key', 'server.crt'].map((name) => join(folder.path, name)) as [
      string,
      string,
    ];
    const subject = ['-subj', '/CN=mainstay', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', key, '-out', certificate];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files],
      {
        stdio: 'ignore',
      },
    );
    expect(await open(`${url}?sslmode=verify-full`).catch(reasonOf)).toBe('unauthorized');
    await server.withTls(key, certificate);
    expect(await open(`${url}?sslmode=verify-full`).catch(reasonOf)).toBe('unauthorized');
    const db = await open(`${url}?sslmode=verify-full&sslrootcert=${certificate}`);
    await db.query('look', 'select 1');
    const connections = `select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid)
      where application_name = 'mainstay' and datname = current_database()`;
    expect(await server.query(connections, url)).toEqual([{ ssl: true }]);
  });

  describeOnSmallDisk('on a disk that is full', () => {
    it('says so to whoever writes, is read from, and is written to again when there is room', async () => {
      const disk = join(folder.path, 'disk');
      mkdirSync(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0755', 'mainstay-test', disk]);
      try {
        execFileSync('chmod', ['755', folder.path]);
        const owner = statSync(server.dataFolder);
        chownSync(disk, owner.uid, owner.gid);
        await server.query(`create tablespace small location '${disk}'`);
        await writeFile(join(disk, 'filler'), Buffer.alloc(16 * 1024 * 1024));
        const db = await open(url);
        await db.administer('make a table', (tx) =>
          tx.query('create table written (text text) tablespace small'),
        );
        const write = () =>
          db.transaction('write', (tx) =>
            tx.query(`insert into written select repeat(md5(n::text), 50) from generate_series(1, 1000) n`),
          );
        await eventuallyHolds(async () => expect(await write().catch(reasonOf)).toBe('storage_full'));
        const [kept] = await db.query<{ n: number }>('count', 'select count(*)::int as n from written');
        expect(kept!.n % 1_000).toBe(0);
        await db.check(soon());
        await rm(join(disk, 'filler'));
        await write();
        const [more] = await db.query<{ n: number }>('count', 'select count(*)::int as n from written');
        expect(more).toEqual({ n: kept!.n + 1_000 });
        await db.administer('leave', (tx) => tx.query('drop table written'));
        await server.query('drop tablespace small');
      } finally {
        // Processes of the server may still hold files in it for a moment: it goes when they let go.
        execFileSync('umount', ['--lazy', disk]);
        rmdirSync(disk);
      }
    });
  });
});

/** A disk of one's own is a matter for root. */
function describeOnSmallDisk(name: string, suite: () => void): void {
  if (postgresMissing !== undefined || (process.getuid?.() === 0 && process.platform === 'linux'))
    describe(name, suite);
  else describeNotRun(name, 'it mounts a disk of its own, which root alone may', suite);
}
