import { Deadline } from '../../src/kernel/deadline.js';
import type { Database } from '../../src/platform/database/database.js';
import { migrations } from '../../src/platform/database/migrations.js';
import { classifyPostgres } from '../../src/platform/database/postgres.faults.js';
import { DependencyError } from '../../src/resilience/dependency-error.js';
import { abortsContract } from './database.aborts.suite.js';

/** What the failure of a call says about the database, with or without a guard around it. */
export function reasonOf(error: unknown): string | undefined {
  return error instanceof DependencyError ? error.reason : classifyPostgres(error)?.reason;
}

/** What every database does, the guard around it included. `given` returns it open; the suite leaves it open. */
export function databaseContract(name: string, given: () => Database): void {
  describe(`Database: ${name}`, () => {
    let db: Database;
    const count = async (table = 'written') =>
      (await db.query<{ n: number }>('count', `select count(*)::int as n from ${table}`))[0]!.n;

    beforeAll(async () => {
      db = given();
      await db.administer('make a table', (tx) =>
        tx.query('create table if not exists written (n int primary key, by text)'),
      );
    });
    beforeEach(async () => {
      await db.query('empty a table', 'delete from written');
    });

    it('keeps what a transaction wrote once its work resolved, and hands on its result', async () => {
      const result = await db.transaction('write', async (tx) => {
        await tx.query('insert into written values (1)');
        return { answer: 42 };
      });
      expect(result).toEqual({ answer: 42 });
      expect(await count()).toBe(1);
    });

    it('keeps nothing of a transaction whose work throws, and throws that very error', async () => {
      const failure = new Error('changed my mind');
      const attempt = db.transaction('write', async (tx) => {
        await tx.query('insert into written values (1)');
        throw failure;
      });
      await expect(attempt).rejects.toBe(failure);
      expect(await count()).toBe(0);
    });

    it('keeps nothing of a transaction of which one statement failed, even if its work thinks nothing of it', async () => {
      const attempt = db.transaction('write', async (tx) => {
        await tx.query('insert into written values (1)');
        await tx.query('insert into written values (1)').catch(() => {});
        return 'done';
      });
      // PostgreSQL answers COMMIT with ROLLBACK and no error: to resolve would be to acknowledge what is not there.
      await expect(attempt).rejects.toThrow(/statement.*failed/);
      expect(await count()).toBe(0);
    });

    it('passes on what the server says of a statement, with its code', async () => {
      await db.query('write', 'insert into written values (1)');
      const twice = { code: '23505', constraint: 'written_pkey' };
      await expect(db.query('write', 'insert into written values (1)')).rejects.toMatchObject(twice);
      await expect(
        db.transaction('write', (tx) => tx.query('insert into written values (1)')),
      ).rejects.toMatchObject(twice);
      await expect(db.query('read', 'select 1 +')).rejects.toMatchObject({ code: '42601' });
    });

    it('gives the rows of one statement, of several in one text, and none where there are none', async () => {
      expect(await db.query('read', 'select 1 as n union all select 2 order by n')).toEqual([
        { n: 1 },
        { n: 2 },
      ]);
      expect(await db.query('read', 'select 1 as n; select 2 as n')).toEqual([{ n: 1 }, { n: 2 }]);
      expect(await db.query('write', 'insert into written values (1)')).toEqual([]);
      expect(await db.query('write', 'insert into written values ($1) returning n', [2])).toEqual([{ n: 2 }]);
      const inside = await db.transaction('read', (tx) =>
        tx.query('select 3 as n; update written set by = null; select 4 as n'),
      );
      expect(inside).toEqual([{ n: 3 }, { n: 4 }]);
    });

    it('undoes all of several statements in one text when one of them fails', async () => {
      await expect(db.query('write', 'insert into written values (1); select 1 / 0')).rejects.toMatchObject({
        code: '22012',
      });
      expect(await count()).toBe(0);
      expect(await db.query('read', 'select 1 as n')).toEqual([{ n: 1 }]);
    });

    it('brings every character back as it went in', async () => {
      const texts = [
        '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧‍👦 🏳️‍🌈',
        'שלום עולם ‏مرحبا بالعالم',
        'e\u0301 \u200b\ufeff\u2028',
        `'; drop table written; --`,
        '\\ \n\t\r',
      ];
      const [row] = await db.query<{ a: string[]; j: string[]; t: string }>(
        'echo',
        'select $1::text[] as a, $2::jsonb as j, $3::text as t',
        [texts, JSON.stringify(texts), texts.join('|')],
      );
      expect(row).toEqual({ a: texts, j: texts, t: texts.join('|') });
    });

    it('keeps ten transactions at once apart from each other, of which every other is undone', async () => {
      const done = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) =>
          db.transaction(
            'write',
            async (tx) => {
              await tx.query('insert into written values ($1, current_setting($2))', [
                2 * i,
                'app.business_id',
              ]);
              await tx.query('insert into written values ($1, current_setting($2))', [
                2 * i + 1,
                'app.business_id',
              ]);
              if (i % 2 === 1) throw new Error('undone');
            },
            { businessId: `tenant ${i}` },
          ),
        ),
      );
      expect(done.map(({ status }) => status === 'fulfilled')).toEqual([
        true,
        false,
        true,
        false,
        true,
        false,
        true,
        false,
        true,
        false,
      ]);
      const rows = await db.query<{ n: number; by: string }>('read', 'select n, by from written order by n');
      expect(rows).toEqual(
        [0, 2, 4, 6, 8].flatMap((i) => [
          { n: 2 * i, by: `tenant ${i}` },
          { n: 2 * i + 1, by: `tenant ${i}` },
        ]),
      );
    });

    it('tells the server whom a transaction is for, until its end and no longer', async () => {
      const tenant = `select coalesce(current_setting('app.business_id', true), '') as tenant`;
      expect(await db.transaction('read', (tx) => tx.query(tenant), { businessId: 'acme' })).toEqual([
        { tenant: 'acme' },
      ]);
      expect(await db.query('read', tenant)).toEqual([{ tenant: '' }]);
      expect(await db.transaction('read', (tx) => tx.query(tenant))).toEqual([{ tenant: '' }]);
      expect(await db.query('read', tenant)).toEqual([{ tenant: '' }]);
      await expect(
        db.transaction('fail', (tx) => tx.query('select 1 / 0'), { businessId: 'acme' }),
      ).rejects.toThrow();
      expect(await db.query('read', tenant)).toEqual([{ tenant: '' }]);
    });

    abortsContract(() => db);

    it('hands nobody a transaction that a single statement began and did not end', async () => {
      await db.query('begin', 'begin');
      await db.query('write', 'insert into written values (1)');
      const undone = db.transaction('undo', async (tx) => {
        await tx.query('insert into written values (2)');
        throw new Error('changed my mind');
      });
      await expect(undone).rejects.toThrow('changed my mind');
      expect(await db.query('read', 'select n from written')).toEqual([{ n: 1 }]);
    });

    it('refuses a statement that comes after the end of its transaction', async () => {
      const late = await db.transaction(
        'leak',
        async (tx) => () => tx.query('insert into written values (1)'),
      );
      await expect(late()).rejects.toThrow(/transaction.*over/);
      // As it happens when two statements are sent side by side, and the second after the first one failed.
      const failed = Promise.withResolvers<void>();
      let second: Promise<unknown> | undefined;
      const attempt = db.transaction('fail', async (tx) => {
        second = failed.promise.then(() => tx.query('insert into written values (2)'));
        await tx.query('select 1 / 0');
      });
      await expect(attempt).rejects.toMatchObject({ code: '22012' });
      failed.resolve();
      await expect(second).rejects.toThrow(/transaction.*over/);
      expect(await count()).toBe(0);
    });

    it('ends a statement with the request that it is a part of, and serves the next one', async () => {
      const startedMs = performance.now();
      const request = new Deadline(300);
      await expect(request.run(() => db.query('sleep', 'select pg_sleep(2.5)'))).rejects.toThrow();
      expect(performance.now() - startedMs).toBeLessThan(2_000);
      request.release();
      expect(await db.query('read', 'select 1 as n')).toEqual([{ n: 1 }]);
    });

    it('makes tables as their owner, which the service may use and not change', async () => {
      await db.administer('make a table', async (tx) => {
        await tx.query('create table made (n int)');
        await tx.query('create schema making');
        await tx.query('create table making.more (n int)');
      });
      await db.query('write', 'insert into made values (1)');
      await db.transaction('write', (tx) => tx.query('insert into making.more values (1)'));
      for (const change of ['drop table made', 'alter table made add m int', 'create table mine (n int)']) {
        await expect(db.query('change', change)).rejects.toMatchObject({ code: '42501' });
        await expect(db.transaction('change', (tx) => tx.query(change))).rejects.toMatchObject({
          code: '42501',
        });
      }
      const undone = db.administer('change', async (tx) => {
        await tx.query('drop table made');
        throw new Error('changed my mind');
      });
      await expect(undone).rejects.toThrow('changed my mind');
      expect(await count('made')).toBe(1);
      await db.administer('drop', (tx) => tx.query('drop table made; drop schema making cascade'));
      // The role was taken for the one transaction and no longer.
      await expect(db.query('change', 'drop table written')).rejects.toMatchObject({ code: '42501' });
    });

    it('says how its pool of connections stands', async () => {
      await db.transaction('look', async (tx) => {
        await tx.query('select 1');
        expect(db.pool()).toMatchObject({ inUse: 1, waiting: 0 });
      });
      const { size, inUse, idle } = db.pool();
      expect(inUse).toBe(0);
      expect(idle).toBe(size);
    });

    it('passes its own check', async () => {
      await expect(db.check(AbortSignal.timeout(5_000))).resolves.toBeUndefined();
    });

    it('finds all as it was when it is opened again, and migrates nothing twice', async () => {
      await db.query('write', 'insert into written values (7)');
      await db.close();
      const closed = await db.query('read', 'select 1').catch((error: unknown) => error);
      expect(reasonOf(closed)).toBe('unreachable');
      expect(db.pool()).toMatchObject({ size: 0, inUse: 0, idle: 0, waiting: 0 });
      await db.open(AbortSignal.timeout(30_000));
      await db.open(AbortSignal.timeout(30_000));
      expect(await db.query('read', 'select n from written')).toEqual([{ n: 7 }]);
      expect(await count('migrations')).toBe(migrations.length);
    }, 30_000);
  });
}
