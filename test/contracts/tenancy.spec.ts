import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { PgliteDatabase } from '../../src/platform/database/pglite.database.js';
import { PgBossJobs } from '../../src/platform/jobs/pg-boss.jobs.js';
import { PgvectorVectorStore } from '../../src/platform/vector-store/pgvector.vector-store.js';
import { collectionSpec } from '../../src/platform/vector-store/vector-store.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { type Possession, possess, questions, TABLES, workingFor } from './tenancy.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

Logger.overrideLogger(false);

const soon = () => AbortSignal.timeout(30_000);

describe('Tenants on the embedded engine', () => {
  let folder: TemporaryFolder;
  let db: PgliteDatabase;
  let vectors: PgvectorVectorStore;
  let jobs: PgBossJobs;
  let victims: Possession[];
  let points = 0;
  const newVictim = () => {
    points += 1;
    return possess(db, 'victim', vectors);
  };

  beforeAll(async () => {
    folder = await temporaryFolder();
    db = new PgliteDatabase({ DATA_DIR: folder.path, DB_STATEMENT_TIMEOUT_MS: 30_000 });
    await db.open(soon());
    vectors = new PgvectorVectorStore(db);
    await vectors.ensure(collectionSpec('fuzzed', 'test-3', 3));
    jobs = new PgBossJobs(db);
    await jobs.open(['fuzz']);
    await possess(db, 'mallory', vectors);
    victims = [await newVictim(), await newVictim()];
  });
  afterAll(async () => {
    await jobs.close();
    await db.close();
    await folder.remove();
  });

  it('are kept apart in every table that knows of tenants', async () => {
    const tables = await db.query<{ name: string; separated: boolean }>('look', TABLES);
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'chat_messages',
        'chat_sessions',
        'chunks',
        'documents',
        'escalations',
        'feedback',
        'generations',
        'idempotency_keys',
        'job_descriptions',
        'knowledge_versions',
        'pattern_contents',
        'question_uses',
        'questions',
        'user_patterns',
        'vectors.fuzzed_1',
      ]),
    );
    expect(tables.filter(({ separated }) => !separated)).toEqual([]);
  });

  /** Asks at random, in the name of mallory and with statements that name the victim. */
  const attack = async (on = victims) => {
    const as = workingFor('mallory', db);
    const asked = questions(as, new PgvectorVectorStore(as));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(asked)),
        fc.constantFrom(...on),
        async (question, victim) => {
          const seen = await asked[question]!('victim', victim);
          if (seen.length > 0) throw new Error(`${question} showed or changed what is the victim's`);
        },
      ),
      // So often that none is left out. Without looking for a simpler one: each try may have removed what the next would see.
      { numRuns: 20 * Object.keys(asked).length, endOnFailure: true },
    );
    const left = await vectors.count('fuzzed', { businessId: 'victim' });
    if (left !== points) throw new Error('points of the victim are gone');
  };

  it('see and change nothing of each other, even by a statement that names the wrong one', async () => {
    await attack();
    const own = questions(db, vectors);
    expect(await own.list!('victim', victims[0]!)).toHaveLength(2);
    expect(await own.byWords!('victim', victims[0]!)).toHaveLength(2);
    expect(await own.nearest!('victim', victims[0]!)).toHaveLength(2);
    for (const question of ['questions', 'fitting', 'job', 'patterns', 'seen', 'liked', 'popularContents'])
      expect(await own[question]!('victim', victims[0]!)).not.toEqual([]);
    expect(await own.questions!('victim', victims[0]!)).toMatchObject([
      { times_suggested: 1 },
      { times_suggested: 1 },
    ]);
  });

  it('can write nothing into the name of another', async () => {
    const as = workingFor('mallory', db);
    await expect(possess(as, 'victim')).rejects.toMatchObject({ code: '42501' });
    const moved = db.transaction(
      'move',
      (tx) => tx.query(`update documents set business_id = 'victim' where business_id = 'mallory'`),
      { businessId: 'mallory' },
    );
    await expect(moved).rejects.toMatchObject({ code: '42501' });
  });

  it('are seen by no work that names none, which can write nothing either', async () => {
    for (const { name } of await db.query<{ name: string }>('look', TABLES)) {
      expect(await db.query('read', `select 1 from ${name}`)).toEqual([]);
      expect(await db.transaction('read', (tx) => tx.query(`select 1 from ${name}`))).toEqual([]);
      expect(await db.query('delete', `delete from ${name} returning 1`)).toEqual([]);
    }
    await expect(
      db.query('write', `insert into idempotency_keys values ('victim', 'k', '', '{}')`),
    ).rejects.toMatchObject({ code: '42501' });
    expect(await questions(db).list!('victim', victims[0]!)).toHaveLength(2);
  });

  it('are listed for the service, one by one, and not for whoever can send a statement', async () => {
    expect(await db.tenants()).toEqual(['mallory', 'victim']);
    await expect(db.query('read', 'select * from tenants')).rejects.toMatchObject({ code: '42501' });
  });

  it('see and take back no job of another', async () => {
    const ids = await Promise.all(
      ['mallory', 'victim'].map((business_id) =>
        db.transaction('enqueue', (tx) => jobs.enqueue(tx, 'fuzz', { business_id }), {
          businessId: business_id,
        }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('mallory', 'nobody', ''), async (businessId) => {
        expect(await jobs.find(businessId, ids[1]!)).toBeUndefined();
        expect((await jobs.list(businessId, { limit: 100 })).map(({ id }) => id)).not.toContain(ids[1]);
        const cancel = db.transaction('cancel', (tx) => jobs.cancel(tx, businessId, ids[1]!), { businessId });
        expect(await cancel).toBeUndefined();
      }),
      { numRuns: 20 },
    );
    expect(await jobs.find('victim', ids[1]!)).toMatchObject({ status: 'queued' });
  });

  // Last: it opens what the others show to be closed. Each has a victim of its own, as what was open may be gone; and so may
  // be the points in the end.
  it.each([
    'documents',
    'chunks',
    'api_keys',
    'questions',
    'job_descriptions',
    'user_patterns',
    'pattern_contents',
    'generations',
    'chat_sessions',
    'chat_messages',
    'escalations',
    'knowledge_versions',
    'vectors.fuzzed_1',
  ])('would be found to see each other if %s were not kept apart', async (table) => {
    await db.administer('open', (tx) => tx.query(`alter table ${table} disable row level security`));
    const victim = await newVictim();
    await expect(attack([victim])).rejects.toThrow();
    await db.administer('close', (tx) => tx.query(`alter table ${table} enable row level security`));
  });
});
