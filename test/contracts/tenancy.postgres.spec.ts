import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Knowledge1790000000000 } from '../../migrations/1790000000000-knowledge.ts';
import { DocumentsRepository } from '../../src/features/knowledge/documents.repository.js';
import { ExitCode } from '../../src/kernel/exit-code.js';
import { NoAppRole } from '../../src/platform/database/app.role.js';
import type { Database } from '../../src/platform/database/database.js';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { PgBossJobs } from '../../src/platform/jobs/pg-boss.jobs.js';
import { eventuallyHolds } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer, UNHURRIED } from '../support/postgres.js';
import { newDocument, possess, questions, TABLES } from './tenancy.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

Logger.overrideLogger(false);

const settings = { DB_POOL_SIZE: 4, DB_POOL_MAX_OVERFLOW: 2, ...UNHURRIED };
const soon = () => AbortSignal.timeout(30_000);

describeWithPostgres('Tenants on a PostgreSQL server', () => {
  let server: PostgresServer;
  const opened: Database[] = [];

  beforeAll(async () => {
    server = await PostgresServer.start();
    await server.query(`create role founder login createrole; create role simple login; create role app login;
      create role almighty login superuser; create role member login in role founder`);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((db) => db.close()));
  });
  afterAll(() => server.stop());

  /** A new database that belongs to a role, as its URL for any role. */
  const databaseOf = async (owner: string) => {
    const url = await server.newDatabase();
    const name = new URL(url).pathname.slice(1);
    await server.query(`alter database ${name} owner to ${owner}`);
    await server.query(`alter schema public owner to ${owner}`, url);
    return (role: string) => url.replace('//postgres@', `//${role}@`);
  };
  const open = async (url: string, ownerUrl?: string) => {
    const db = new PostgresDatabase(
      { ...settings, ...(ownerUrl !== undefined && { DATABASE_OWNER_URL: ownerUrl }) },
      url,
    );
    opened.push(db);
    await db.open(soon());
    return db;
  };
  const who = `select current_user as role, rolsuper or rolbypassrls as almighty,
    pg_has_role(current_user, (select relowner from pg_class where oid = 'documents'::regclass), 'member') as owner
    from pg_roles where rolname = current_user`;

  it.each(['postgres', 'founder'])(
    'are worked for by a role that neither owns the tables nor passes over their policies (URL of %s)',
    async (role) => {
      const db = await open((await databaseOf(role))(role));
      const lesser = [{ role: 'mainstay_app', almighty: false, owner: false }];
      expect(await db.query('look', who)).toEqual(lesser);
      expect(await db.transaction('look', (tx) => tx.query(who), { businessId: 'acme' })).toEqual(lesser);
      const tables = await db.query<{ separated: boolean }>('look', TABLES);
      expect(tables.every(({ separated }) => separated)).toBe(true);
    },
  );

  it('are hidden from the owner of the tables as well', async () => {
    const url = await databaseOf('founder');
    const db = await open(url('founder'));
    await possess(db, 'acme');
    const seen = () => db.administer('look', (tx) => tx.query('select business_id from documents'));
    expect(await db.administer('look', (tx) => tx.query('select current_user as role'))).toEqual([
      { role: 'founder' },
    ]);
    expect(await seen()).toEqual([]);
    expect(await db.tenants()).toEqual(['acme']);
    await server.query('alter table documents no force row level security', url('postgres'));
    expect(await seen()).toHaveLength(1);
  });

  it('are worked for by the role of DATABASE_URL where another owns the tables', async () => {
    const url = await databaseOf('founder');
    const db = await open(url('app'), url('founder'));
    expect(await db.query('look', who)).toEqual([{ role: 'app', almighty: false, owner: false }]);
    const possession = await possess(db, 'acme');
    expect(await questions(db).list!('acme', possession)).toHaveLength(1);
    expect(await db.query('read', 'select 1 from documents')).toEqual([]);
    await expect(db.query('change', 'drop table documents')).rejects.toMatchObject({ code: '42501' });
    const owner = await db.administer('look', (tx) => tx.query('select current_user as role'));
    expect(owner).toEqual([{ role: 'founder' }]);
    const jobs = new PgBossJobs(db);
    await jobs.open(['split']);
    let done: unknown;
    await jobs.work('split', 1, async ({ data }) => void (done = data));
    await db.transaction('enqueue', (tx) => jobs.enqueue(tx, 'split', { business_id: 'acme' }), {
      businessId: 'acme',
    });
    jobs.wake('split');
    await eventuallyHolds(() => expect(done).toEqual({ business_id: 'acme' }), { timeoutMs: 10_000 });
    await jobs.close();
  });

  it('are kept apart in a database of the version before, with all that is in it', async () => {
    const url = await databaseOf('founder');
    const before = new DataSource({
      type: 'postgres',
      url: url('founder'),
      migrations: [Knowledge1790000000000],
    });
    await before.initialize();
    await before.runMigrations();
    await before.query(`insert into documents (id, business_id, collection, title, content_type, content, content_sha256, chunk_count)
      select gen_random_uuid(), 'tenant ' || n, 'documents', 'old', 'text/plain', '', '', 0 from generate_series(1, 3) n`);
    await before.query('create schema vectors');
    await before.query('create table vectors.documents_1 (id uuid, business_id text)');
    await before.query(`insert into vectors.documents_1 values (gen_random_uuid(), 'tenant 1')`);
    await before.destroy();

    const db = await open(url('founder'));
    expect(await db.tenants()).toEqual(['tenant 1', 'tenant 2', 'tenant 3']);
    const tables = await db.query<{ name: string; separated: boolean }>('look', TABLES);
    expect(tables.map(({ name, separated }) => `${name} ${separated}`)).toEqual([
      'api_keys true',
      'chat_messages true',
      'chat_sessions true',
      'chunks true',
      'documents true',
      'escalations true',
      'feedback true',
      'generations true',
      'idempotency_keys true',
      'job_descriptions true',
      'knowledge_versions true',
      'pattern_contents true',
      'question_uses true',
      'questions true',
      'user_patterns true',
      'vectors.documents_1 true',
    ]);
    for (const table of ['documents', 'vectors.documents_1']) {
      const seen = db.transaction('look', (tx) => tx.query(`select business_id from ${table}`), {
        businessId: 'tenant 1',
      });
      expect(await seen).toEqual([{ business_id: 'tenant 1' }]);
    }
  });

  it.each([
    ['almighty', /almighty is a superuser/],
    ['member', /member owns the tables/],
  ])('are not left to a role that could see them all: %s', async (role, why) => {
    const url = await databaseOf('founder');
    const failure = await open(url(role), url('founder')).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NoAppRole);
    expect(failure).toMatchObject({ exitCode: ExitCode.schema });
    expect((failure as Error).message).toMatch(why);
  });

  it('say what to do where the lesser role can be neither made nor taken', async () => {
    const url = await databaseOf('simple');
    const failure = await open(url('simple')).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NoAppRole);
    expect(failure).toMatchObject({ exitCode: ExitCode.schema });
    expect((failure as Error).message).toContain('create role mainstay_app nologin; grant mainstay_app to');
    await server.query('grant mainstay_app to simple');
    await expect(open(url('simple'))).resolves.toBeDefined();
  });

  it('leave no trace of themselves on a connection, however their transaction ends', async () => {
    const db = await open((await databaseOf('founder'))('founder'));
    const endings: ((
      caller: AbortController,
    ) => (tx: { query(sql: string): Promise<unknown> }) => Promise<unknown>)[] = [
      () => (tx) => tx.query('select 1'),
      () => () => Promise.reject(new Error('changed my mind')),
      () => (tx) => tx.query('select 1 / 0'),
      () => (tx) => tx.query(`commit; select set_config('app.business_id', 'stale', true)`),
      (caller) => (tx) => {
        const sleeping = tx.query('select pg_sleep(1)');
        caller.abort(new Error('gone'));
        return sleeping;
      },
    ];
    await Promise.allSettled(
      Array.from({ length: 60 }, (_, i) => {
        const caller = new AbortController();
        const work = endings[i % endings.length]!(caller);
        return db.transaction('work', work, { businessId: `tenant ${i}`, signal: caller.signal });
      }),
    );
    const seen = await Promise.all(
      Array.from({ length: 30 }, () =>
        db.query<{ tenant: string; role: string }>(
          'look',
          `select coalesce(current_setting('app.business_id', true), '') as tenant, current_user as role, pg_sleep(0.01)`,
        ),
      ),
    );
    expect(new Set(seen.flat().map(({ tenant, role }) => `${tenant} ${role}`))).toEqual(
      new Set([' mainstay_app']),
    );
  });

  it('are made their role by two services that start on one server at once', async () => {
    const fresh = await PostgresServer.start();
    try {
      const urls = await Promise.all([1, 2, 3].map(() => fresh.newDatabase()));
      const replicas = [...urls, ...urls].map((url) => new PostgresDatabase(settings, url));
      opened.push(...replicas);
      await Promise.all(replicas.map((db) => db.open(soon())));
      for (const db of replicas) expect(await db.query('look', 'select 1 as n')).toEqual([{ n: 1 }]);
      await Promise.all(replicas.map((db) => db.close()));
    } finally {
      await fresh.stop();
    }
  });

  it('are searched by the index of words and not by reading all that they have', async () => {
    const url = await databaseOf('postgres');
    const db = await open(url('postgres'));
    const text = (n: number) => `common words and number${n}`;
    await db.transaction(
      'fill',
      async (tx) => {
        const document = newDocument('acme');
        const chunks = Array.from({ length: 5_000 }, (_, position) => ({
          position,
          start: 0,
          end: 1,
          headings: [],
          text: text(position),
        }));
        await new DocumentsRepository(db).store(tx, { ...document, source: { ...document.source, chunks } });
      },
      { businessId: 'acme' },
    );
    await server.query('vacuum analyze chunks', url('postgres'));
    const plan = await db.transaction(
      'explain',
      (tx) =>
        tx.query<{ 'QUERY PLAN': string }>(
          `explain select id from chunks where business_id = 'acme' and collection = 'fuzzed' and search @@ plainto_tsquery('english', 'number77')`,
        ),
      { businessId: 'acme' },
    );
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('chunks_search');
  });
});
