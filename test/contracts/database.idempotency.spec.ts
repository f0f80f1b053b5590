import { jest } from '@jest/globals';
import { type Database, OutcomeUnknown } from '../../src/platform/database/database.js';
import { GuardedDatabase } from '../../src/platform/database/guarded.database.js';
import { Idempotency } from '../../src/platform/database/idempotency.js';
import { PgliteDatabase } from '../../src/platform/database/pglite.database.js';
import { classifyPostgres } from '../../src/platform/database/postgres.faults.js';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { CommitCutter } from '../support/commit-cutter.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { newDependency } from '../support/guard.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer, UNHURRIED } from '../support/postgres.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

const WRITTEN = 'create table if not exists written (n serial primary key, business_id text)';
const settings = { DB_POOL_SIZE: 3, DB_POOL_MAX_OVERFLOW: 1, ...UNHURRIED };

const prepare = async (db: Database) => {
  await db.administer('make a table', (tx) => tx.query(WRITTEN));
};
const count = async (db: Database) =>
  (await db.query<{ n: number }>('count', 'select count(*)::int as n from written'))[0]!.n;

/** Work that leaves a row behind each time that it is done. */
const writing = (idempotency: Idempotency, key: string | undefined, request: unknown, businessId = 'acme') =>
  idempotency.once(
    'write',
    async (tx) => {
      const [row] = await tx.query<{ n: number }>(
        'insert into written (business_id) values ($1) returning n',
        [businessId],
      );
      return { n: row!.n };
    },
    { businessId, key, request },
  );

function idempotencyContract(name: string, given: () => Database): void {
  describe(`Idempotency: ${name}`, () => {
    let db: Database;
    let idempotency: Idempotency;
    const kept = () =>
      db.transaction(
        'count',
        async (tx) =>
          (await tx.query<{ n: number }>('select count(*)::int as n from idempotency_keys'))[0]!.n,
        { businessId: 'acme' },
      );

    beforeAll(async () => {
      db = given();
      idempotency = new Idempotency(db);
      await prepare(db);
    });
    beforeEach(async () => {
      await db.query('empty', 'delete from written');
      for (const businessId of ['acme', 'other'])
        await db.transaction('empty', (tx) => tx.query('delete from idempotency_keys'), { businessId });
    });

    it('does the work of a key once, and gives its answer each time', async () => {
      const first = await writing(idempotency, 'k1', { a: 1 });
      expect(await writing(idempotency, 'k1', { a: 1 })).toEqual(first);
      expect(await count(db)).toBe(1);
    });

    it('does the work each time where there is no key, and for each key and each tenant', async () => {
      await writing(idempotency, undefined, { a: 1 });
      await writing(idempotency, undefined, { a: 1 });
      await writing(idempotency, 'k1', { a: 1 });
      await writing(idempotency, 'k2', { a: 1 });
      await writing(idempotency, 'k1', { b: 1 }, 'other');
      expect(await count(db)).toBe(5);
    });

    it('refuses a key that came with another request, and does nothing', async () => {
      await writing(idempotency, 'k1', { a: 1 });
      await expect(writing(idempotency, 'k1', { a: 2 })).rejects.toMatchObject({
        code: 'idempotency_mismatch',
      });
      expect(await count(db)).toBe(1);
    });

    it('keeps no key of work that failed: it may be tried again', async () => {
      const failing = idempotency.once('fail', (tx) => tx.query('select 1 / 0'), {
        businessId: 'acme',
        key: 'k1',
        request: { a: 1 },
      });
      await expect(failing).rejects.toMatchObject({ code: '22012' });
      expect(await kept()).toBe(0);
      await writing(idempotency, 'k1', { a: 1 });
      expect(await count(db)).toBe(1);
    });

    it('does the work once for five that come at the same time with one key', async () => {
      const done = await Promise.allSettled(
        Array.from({ length: 5 }, () => writing(idempotency, 'k1', { a: 1 })),
      );
      expect(await count(db)).toBe(1);
      const answers = done.flatMap((one) => (one.status === 'fulfilled' ? [one.value.n] : []));
      expect(new Set(answers).size).toBe(1);
      for (const one of done) {
        if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'conflict' });
      }
    });

    it('forgets a key after a day, and removes the old ones a few at a time', async () => {
      await writing(idempotency, 'k1', { a: 1 });
      await db.transaction(
        'age',
        async (tx) => {
          await tx.query(
            `insert into idempotency_keys (business_id, key, request_sha256, answer)
             select 'acme', 'old ' || n, '', '{}' from generate_series(1, 50) n`,
          );
          await tx.query(`update idempotency_keys set created_at = now() - interval '25 hours'`);
        },
        { businessId: 'acme' },
      );
      await writing(idempotency, 'k1', { another: 'request' });
      expect(await count(db)).toBe(2);
      expect(await kept()).toBe(51 - 20 + 1);
    });
  });
}

describe('on the embedded engine', () => {
  let folder: TemporaryFolder;
  let pglite: PgliteDatabase;
  beforeAll(async () => {
    folder = await temporaryFolder();
    pglite = new PgliteDatabase({ DATA_DIR: folder.path, DB_STATEMENT_TIMEOUT_MS: 30_000 });
    await pglite.open(AbortSignal.timeout(30_000));
  });
  afterAll(async () => {
    await pglite.close();
    await folder.remove();
  });

  idempotencyContract('pglite', () => pglite);
});

describeWithPostgres('on a PostgreSQL server', () => {
  let server: PostgresServer;
  let cutter: CommitCutter;
  let postgres: PostgresDatabase;

  beforeAll(async () => {
    server = await PostgresServer.start();
    cutter = await CommitCutter.before(server.port);
    postgres = new PostgresDatabase(settings, cutter.through(await server.newDatabase()));
    await postgres.open(AbortSignal.timeout(30_000));
  });
  afterAll(async () => {
    await postgres.close();
    await cutter.close();
    await server.stop();
  });

  const guarded = () => new GuardedDatabase(postgres, newDependency(postgres, classifyPostgres));

  idempotencyContract('postgres', () => postgres);
  idempotencyContract('postgres, guarded', guarded);

  it('refuses a key whose first request is under way, and says when to come again', async () => {
    const idempotency = new Idempotency(postgres);
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const once = { businessId: 'acme', key: 'busy', request: {} };
    const first = idempotency.once(
      'wait',
      async () => {
        begun.resolve();
        await gate.promise;
        return 'first';
      },
      once,
    );
    await begun.promise;
    await expect(idempotency.once('wait', async () => 'second', once)).rejects.toMatchObject({
      code: 'conflict',
      retryAfterMs: 1_000,
    });
    gate.resolve();
    expect(await first).toBe('first');
    expect(await idempotency.once('wait', async () => 'second', once)).toBe('first');
  });

  describe('of which the reply to COMMIT is lost', () => {
    beforeEach(async () => {
      await prepare(postgres);
      await postgres.query('empty', 'delete from written');
      cutter.cuts = 1;
    });
    afterEach(() => {
      cutter.closesThen = false;
      cutter.reopen();
    });

    it('says that it does not know what became of work without a key, which was kept', async () => {
      const error = await writing(new Idempotency(postgres), undefined, {}).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(OutcomeUnknown);
      expect(classifyPostgres(error)).toMatchObject({ reason: 'unreachable' });
      expect(await count(postgres)).toBe(1);
    });

    it.each([
      ['raw', () => postgres],
      ['guarded', guarded],
    ])('finds out by itself what became of work with a key (%s)', async (name, database) => {
      const idempotency = new Idempotency(database());
      const answer = await writing(idempotency, `lost ${name}`, {});
      expect(cutter.cuts).toBe(0);
      expect(await count(postgres)).toBe(1);
      expect(await writing(idempotency, `lost ${name}`, {})).toEqual(answer);
      expect(await count(postgres)).toBe(1);
    });

    it('leaves it to the client to ask again where the database is away then, and gives the first answer', async () => {
      const idempotency = new Idempotency(guarded());
      cutter.closesThen = true;
      await expect(writing(idempotency, 'asked again', {})).rejects.toMatchObject({ reason: 'unreachable' });
      cutter.closesThen = false;
      cutter.reopen();
      const answer = await writing(idempotency, 'asked again', {});
      const [row] = await postgres.query<{ n: number }>('read', 'select n from written');
      expect(answer).toEqual({ n: row!.n });
      expect(await count(postgres)).toBe(1);
    });
  });
});
