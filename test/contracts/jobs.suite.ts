import type { Database } from '../../src/platform/database/database.js';
import type { JobData, Jobs, JobStatus, JobView, RunningJob } from '../../src/platform/jobs/jobs.js';
import { sleep } from '../../src/kernel/abort.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';

const KINDS = [
  'once',
  'retry',
  'side_by_side',
  'cancel',
  'cancel_running',
  'later',
  'listed',
  'stuck',
  'woken',
  'handed_back',
];

interface Given {
  database: Database;
  /** A new one each time, on the same database: as another process would have it. */
  newJobs: () => Jobs;
}

/** What every queue of jobs does. `given` returns its database open. */
export function jobsContract(name: string, given: () => Given): void {
  describe(`Jobs: ${name}`, () => {
    let database: Database;
    let newJobs: () => Jobs;
    let jobs: Jobs;

    beforeAll(async () => {
      ({ database, newJobs } = given());
      jobs = newJobs();
      await jobs.open(KINDS);
    }, 30_000);
    afterAll(() => jobs.close(), 30_000);

    const enqueue = (kind: string, data: Partial<JobData> = {}, options?: { delayMs?: number }) =>
      database.transaction('enqueue', (tx) =>
        jobs.enqueue(tx, kind, { business_id: 'acme', ...data }, options),
      );
    const statusOf = async (id: string) => (await jobs.find('acme', id))?.status;
    const untilIs = (id: string, status: JobStatus, timeoutMs = 10_000) =>
      eventually(
        async () => {
          const job = await jobs.find('acme', id);
          return job?.status === status ? job : undefined;
        },
        { timeoutMs, what: `The job being ${status}` },
      );

    it('has the job of a transaction that was committed, and none of one that was undone', async () => {
      let undone: string | undefined;
      const attempt = database.transaction('enqueue', async (tx) => {
        undone = await jobs.enqueue(tx, 'later', { business_id: 'acme' });
        throw new Error('changed my mind');
      });
      await expect(attempt).rejects.toThrow('changed my mind');
      expect(await jobs.find('acme', undone!)).toBeUndefined();
      const committed = await enqueue('later');
      expect(await jobs.find('acme', committed)).toEqual({
        id: committed,
        kind: 'later',
        status: 'queued',
        attempts: 0,
        last_error: null,
        created_at: expect.any(Date) as Date,
        started_at: null,
        finished_at: null,
      });
    });

    it('is seen by nobody before its transaction is committed', async () => {
      let worked = 0;
      await jobs.work('woken', 1, async () => void (worked += 1));
      const id = await database.transaction('enqueue', async (tx) => {
        const enqueued = await jobs.enqueue(tx, 'woken', { business_id: 'acme' });
        jobs.wake('woken');
        await tx.query('select pg_sleep(0.2)');
        expect(worked).toBe(0);
        return enqueued;
      });
      jobs.wake('woken');
      // Sooner than by waiting for its turn, which comes every two seconds.
      await untilIs(id, 'completed', 1_500);
      expect(worked).toBe(1);
    });

    it('does a job once, with what it is about, and says when', async () => {
      const seen: RunningJob<JobData>[] = [];
      await jobs.work('once', 3, async (job) => void seen.push(job));
      const data = { business_id: 'acme', text: '𝔘 שלום', deep: { list: [1, null, 'x'] } };
      const id = await enqueue('once', data);
      jobs.wake('once');
      const done = await untilIs(id, 'completed');
      expect(seen).toHaveLength(1);
      expect(seen[0]).toMatchObject({ id, data, attempt: 1 });
      expect(done).toMatchObject({ attempts: 1, last_error: null });
      expect(done.finished_at!.getTime()).toBeGreaterThanOrEqual(done.started_at!.getTime());
      expect(done.started_at!.getTime()).toBeGreaterThanOrEqual(done.created_at.getTime());
    });

    it('tries a job again whose worker threw, counts, and remembers why', async () => {
      const attempts: number[] = [];
      await jobs.work('retry', 1, async ({ attempt }) => {
        attempts.push(attempt);
        if (attempt < 3) throw new Error(`attempt ${attempt} failed`);
      });
      const id = await enqueue('retry');
      jobs.wake('retry');
      expect(await untilIs(id, 'retrying')).toMatchObject({ attempts: 1, last_error: 'attempt 1 failed' });
      const done = await untilIs(id, 'completed', 20_000);
      expect(attempts).toEqual([1, 2, 3]);
      expect(done).toMatchObject({ attempts: 3 });
    }, 30_000);

    it('does as many side by side as it was told, and no more', async () => {
      let running = 0;
      let most = 0;
      const gate = Promise.withResolvers<void>();
      await jobs.work('side_by_side', 2, async () => {
        running += 1;
        most = Math.max(most, running);
        await gate.promise;
        running -= 1;
      });
      const ids = await Promise.all([1, 2, 3, 4, 5].map(() => enqueue('side_by_side')));
      jobs.wake('side_by_side');
      await eventuallyHolds(() => expect(running).toBe(2), { timeoutMs: 10_000 });
      expect(await jobs.depth()).toMatchObject({ running: 2 });
      gate.resolve();
      for (const id of ids) await untilIs(id, 'completed');
      expect(most).toBe(2);
    }, 30_000);

    it('takes back a job that waits, for its owner and with the transaction that takes it back', async () => {
      const id = await enqueue('cancel', { n: 7 });
      const cancel = (businessId: string) =>
        database.transaction('cancel', (tx) => jobs.cancel(tx, businessId, id));
      expect(await cancel('other')).toBeUndefined();
      const undone = database.transaction('cancel', async (tx) => {
        await jobs.cancel(tx, 'acme', id);
        throw new Error('changed my mind');
      });
      await expect(undone).rejects.toThrow();
      expect(await statusOf(id)).toBe('queued');
      expect(await cancel('acme')).toEqual({ business_id: 'acme', n: 7 });
      expect(await statusOf(id)).toBe('cancelled');
      expect(await cancel('acme')).toBeUndefined();
      let worked = 0;
      await jobs.work('cancel', 1, async () => void (worked += 1));
      const after = await enqueue('cancel');
      jobs.wake('cancel');
      await untilIs(after, 'completed');
      expect(worked).toBe(1);
      expect(await statusOf(id)).toBe('cancelled');
    });

    it('tells a job that runs that it was taken back, and does not do it again', async () => {
      let ended: unknown;
      const begun = Promise.withResolvers<void>();
      await jobs.work('cancel_running', 1, async ({ signal }) => {
        begun.resolve();
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            ended = signal.reason;
            reject(signal.reason as Error);
          });
        });
      });
      const id = await enqueue('cancel_running');
      jobs.wake('cancel_running');
      await begun.promise;
      expect(await database.transaction('cancel', (tx) => jobs.cancel(tx, 'acme', id))).toBeDefined();
      await eventuallyHolds(() => expect(ended).toBeDefined(), { timeoutMs: 10_000 });
      expect(await statusOf(id)).toBe('cancelled');
    }, 30_000);

    it('leaves a job alone until its time has come', async () => {
      let workedAtMs = 0;
      await jobs.work('later', 1, async ({ data }) => {
        if (data.delayed === true) workedAtMs = Date.now();
      });
      const enqueuedAtMs = Date.now();
      const id = await enqueue('later', { delayed: true }, { delayMs: 1_500 });
      jobs.wake('later');
      await untilIs(id, 'completed');
      expect(workedAtMs - enqueuedAtMs).toBeGreaterThanOrEqual(1_490);
    }, 20_000);

    it('lists the jobs of a tenant, newest first, a page at a time, and those of nobody else', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) ids.unshift(await enqueue('listed', { business_id: 'lister' }));
      // Of one moment, as those are that one transaction enqueues: the pages must not lose or repeat any.
      const together = await database.transaction('enqueue', async (tx) => {
        const some: string[] = [];
        for (let i = 0; i < 4; i += 1) some.push(await jobs.enqueue(tx, 'listed', { business_id: 'lister' }));
        return some;
      });
      const foreign = await enqueue('listed', { business_id: 'other lister' });
      const all = await jobs.list('lister', { limit: 50 });
      expect(idsOf(all).slice(0, 4).toSorted()).toEqual(together.toSorted());
      expect(idsOf(all).slice(4)).toEqual(ids);
      const pages: JobView[] = [];
      for (let after: string | undefined; ; after = pages.at(-1)!.id) {
        const page = await jobs.list('lister', { limit: 2, ...(after !== undefined && { after }) });
        pages.push(...page);
        if (page.length < 2) break;
      }
      expect(idsOf(pages)).toEqual(idsOf(all));
      expect(idsOf(await jobs.list('other lister', { limit: 50 }))).toEqual([foreign]);
      expect(await jobs.find('lister', foreign)).toBeUndefined();
      expect(await jobs.list('nobody', { limit: 50 })).toEqual([]);
    });

    it('reads only the jobs of the tenant that asks, however many others have', async () => {
      const plan = await database.administer('explain', async (tx) => {
        // So few rows are read at once rather than by an index, if there is one.
        await tx.query('set local enable_seqscan = off; set local enable_bitmapscan = off');
        return tx.query<Record<string, string>>(
          `explain select id from jobs.job where data ->> 'business_id' = 'acme' order by created_on desc, id desc limit 10`,
        );
      });
      const text = plan.map((row) => Object.values(row)[0]).join('\n');
      expect(text).toMatch(/Index Cond: .*business_id/);
      expect(text).not.toContain('Sort');
    });

    it('lists the jobs of one status, and those that show no sign of life', async () => {
      const [queued, cancelled, silent, delayed] = [
        await enqueue('stuck', { business_id: 'watcher' }),
        await enqueue('stuck', { business_id: 'watcher' }),
        await enqueue('stuck', { business_id: 'watcher' }),
        await enqueue('stuck', { business_id: 'watcher' }, { delayMs: 600_000 }),
      ];
      await database.transaction('cancel', (tx) => jobs.cancel(tx, 'watcher', cancelled));
      const of = async (status: JobStatus) => idsOf(await jobs.list('watcher', { status, limit: 50 }));
      expect(await of('cancelled')).toEqual([cancelled]);
      expect(await of('queued')).toEqual([delayed, silent, queued]);
      expect(await of('running')).toEqual([]);

      await database.query(
        'age',
        `update jobs.job set created_on = created_on - interval '2 minutes', start_after = start_after - interval '2 minutes'
         where id = any($1)`,
        [[silent, cancelled, delayed]],
      );
      expect(idsOf(await jobs.list('watcher', { stuck: true, limit: 50 }))).toEqual([silent]);
      expect(idsOf(await jobs.list('watcher', { stuck: false, limit: 50 })).toSorted()).toEqual(
        [queued, cancelled, delayed].toSorted(),
      );
    });

    it('lets what can end do so when it closes, and hands back the rest, for another process to do', async () => {
      const first = newJobs();
      const second = newJobs();
      await first.open(KINDS);
      const closing = Promise.withResolvers<void>();
      let begun = 0;
      let told = false;
      await first.work('handed_back', 2, async ({ data, signal }) => {
        begun += 1;
        if (data.quick === true) return closing.promise.then(() => sleep(300));
        signal.addEventListener('abort', () => {
          told = true;
        });
        return new Promise(() => {});
      });
      const [quick, endless] = [await enqueue('handed_back', { quick: true }), await enqueue('handed_back')];
      first.wake('handed_back');
      await eventuallyHolds(() => expect(begun).toBe(2));
      const closed = first.close();
      closing.resolve();
      await closed;
      expect(told).toBe(true);
      expect(await jobs.find('acme', quick)).toMatchObject({ status: 'completed', attempts: 1 });
      expect(await statusOf(endless)).toBe('retrying');
      await second.open(KINDS);
      let attempt = 0;
      await second.work('handed_back', 1, async (job) => void (attempt = job.attempt));
      await untilIs(endless, 'completed');
      expect(attempt).toBe(2);
      await second.close();
    }, 40_000);

    it('counts what waits and runs', async () => {
      const before = await jobs.depth();
      await enqueue('stuck');
      await enqueue('stuck', { business_id: 'other' });
      const { queued } = await jobs.depth();
      expect(queued).toBe(before.queued + 2);
      const ofStuck = await jobs.depth(['stuck', 'handed_back']);
      expect(ofStuck.queued).toBeGreaterThanOrEqual(2);
      expect(await jobs.depth(['nothing'])).toEqual({ queued: 0, running: 0, failed: 0 });
      const queues = await jobs.queues();
      expect(queues.map(({ kind }) => kind)).toEqual(KINDS.toSorted());
      expect(queues.reduce((sum, queue) => sum + queue.queued, 0)).toBe(queued);
      const stuck = queues.find(({ kind }) => kind === 'stuck')!;
      expect(stuck.oldest_s).toBeGreaterThan(0);
    });

    it('refuses a kind that it does not know, and loses nothing by it', async () => {
      await expect(enqueue('unheard_of')).rejects.toThrow(/unheard_of/);
      expect(await database.query('read', 'select 1 as n')).toEqual([{ n: 1 }]);
    });

    it('passes its own check', async () => {
      await expect(jobs.check(AbortSignal.timeout(5_000))).resolves.toBeUndefined();
    });
  });
}

const idsOf = (views: readonly JobView[]) => views.map(({ id }) => id);
