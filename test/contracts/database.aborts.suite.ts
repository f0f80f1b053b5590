import type { Database } from '../../src/platform/database/database.js';
import { eventuallyHolds } from '../support/eventually.js';

/** What holds when whoever waits for the database leaves. A part of the contract of every database, on its table `written`. */
export function abortsContract(given: () => Database): void {
  describe('whose caller leaves', () => {
    let db: Database;
    const count = async () =>
      (await db.query<{ n: number }>('count', 'select count(*)::int as n from written'))[0]!.n;

    beforeAll(() => {
      db = given();
    });

    it.each([
      ['between two statements', () => new Promise(() => {})],
      ['while a statement runs', undefined],
    ])(
      'keeps nothing of a transaction that is aborted %s, and the next one is clean',
      async (_when, meanwhile) => {
        const caller = new AbortController();
        const attempt = db.transaction(
          'write',
          async (tx) => {
            await tx.query('insert into written values (1)');
            const statement = meanwhile?.() ?? tx.query('select pg_sleep(0.3)');
            caller.abort(new Error('gone'));
            // Whoever waits for something else than SQL is not told; its next statement is.
            await Promise.race([statement, tx.query('insert into written values (2)')]);
          },
          { businessId: 'acme', signal: caller.signal },
        );
        await expect(attempt).rejects.toThrow();
        const next = await db.transaction('read', async (tx) => {
          await tx.query('insert into written values (3)');
          return tx.query(
            `select current_setting('app.business_id') as tenant, array(select n from written) as rows`,
          );
        });
        expect(next).toEqual([{ tenant: '', rows: [3] }]);
        expect(await count()).toBe(1);
      },
    );

    it('does not keep a caller that leaves until its statement has ended', async () => {
      const caller = new AbortController();
      const sleeping = [
        db.query('sleep', 'select pg_sleep(2.5)', [], { signal: caller.signal }),
        db.transaction('sleep', (tx) => tx.query('select pg_sleep(2.5)'), { signal: caller.signal }),
      ];
      const results = Promise.allSettled(sleeping);
      await eventuallyHolds(() => expect(db.pool().inUse).toBeGreaterThan(0));
      const startedMs = performance.now();
      caller.abort(new Error('gone'));
      // One of them may still have waited for its connection.
      expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(performance.now() - startedMs).toBeLessThan(1_800);
    });

    it('sends nothing for a caller that is gone already', async () => {
      const signal = AbortSignal.abort(new Error('gone'));
      await expect(db.query('write', 'insert into written values (1)', [], { signal })).rejects.toThrow();
      await expect(
        db.transaction('write', (tx) => tx.query('insert into written values (1)'), { signal }),
      ).rejects.toThrow();
      expect(await count()).toBe(0);
    });

    it('stays usable and clean through a hundred aborts at any moment', async () => {
      for (let i = 0; i < 100; i += 1) {
        const caller = new AbortController();
        const timer = setTimeout(() => caller.abort(new Error('gone')), Math.random() * 6);
        const attempt = db.transaction(
          'write',
          async (tx) => {
            await tx.query('insert into written values ($1)', [i]);
            if (i % 2 === 0) await tx.query('select $1::int / 0', [i]).catch(() => {});
            await tx.query('select pg_sleep(0.002)');
            throw new Error('too late to be aborted');
          },
          { businessId: `tenant ${i}`, signal: caller.signal },
        );
        await expect(attempt).rejects.toThrow();
        clearTimeout(timer);
        const after = await db.query(
          'read',
          `select coalesce(current_setting('app.business_id', true), '') as tenant, count(*)::int as n from written`,
        );
        expect(after).toEqual([{ tenant: '', n: 0 }]);
      }
      await eventuallyHolds(() => expect(db.pool()).toMatchObject({ inUse: 0, waiting: 0 }));
    });
  });
}
