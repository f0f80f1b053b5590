import { Logger } from '@nestjs/common';
import { PgBoss, type Db } from 'pg-boss';
import { Deadline } from '../../kernel/deadline.js';
import { events } from '../../telemetry/events.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import type { Traits } from '../../resilience/dependency.js';
import type { Database, Transaction } from '../database/database.js';
import {
  Jobs,
  type JobData,
  type JobQuery,
  type JobStatus,
  type JobView,
  type QueueView,
  type RunningJob,
} from './jobs.js';

// The least that the library allows. A worker that gave no sign of life for so long is taken for dead.
const HEARTBEAT_S = 10;
const LOOK_FOR_THE_DEAD_EVERY_S = 5;
const POLL_EVERY_S = 2;
// A job may outlast any outage: its worker settles what cannot succeed, so trying again is always right.
const RETRIES_MAX = 100_000;
const RETRY_DELAY_S = 1;
const RETRY_DELAY_MAX_S = 60;
const EXPIRE_S = 3_600;
// A job that waits is never thrown away: ten years.
const RETENTION_S = 315_360_000;
const STUCK_AFTER_S = 60;
const CLOSE_TIMEOUT_MS = 5_000;
// Any number will do, as long as every replica takes the same: "jobs" on a telephone keypad.
const LOCK = 5_627;

const STATUS_OF: Record<string, JobStatus> = {
  created: 'queued',
  retry: 'retrying',
  active: 'running',
  completed: 'completed',
  cancelled: 'cancelled',
  failed: 'failed',
};
const STATE_OF = Object.fromEntries(Object.entries(STATUS_OF).map(([state, status]) => [status, state]));

const VIEW = `id, name as kind, state, retry_count + case when state = 'created' then 0 else 1 end as attempts,
  coalesce(output ->> 'message', output #>> '{value,message}') as last_error, created_on, started_on, completed_on`;
const OPEN = `state in ('created', 'retry', 'active')`;

interface Row {
  id: string;
  kind: string;
  state: string;
  attempts: number;
  last_error: string | null;
  created_on: Date;
  started_on: Date | null;
  completed_on: Date | null;
}

/** Jobs as rows of the database, by pg-boss, over the connections that the service has anyway. */
export class PgBossJobs extends Jobs {
  readonly adapter = 'pg-boss';
  readonly traits: Traits;
  private readonly logger = new Logger('Jobs');
  private readonly boss: PgBoss;
  private readonly kinds = new Set<string>();
  private readonly workers = new Map<string, string[]>();
  private opened = false;

  constructor(private readonly database: Database) {
    super();
    this.traits = database.traits;
    this.boss = new PgBoss({
      db: { executeSql: (sql, values) => this.execute(sql, values) },
      schema: 'jobs',
      schedule: false,
      superviseIntervalSeconds: LOOK_FOR_THE_DEAD_EVERY_S,
      monitorIntervalSeconds: LOOK_FOR_THE_DEAD_EVERY_S,
      // The tables are the owner's, and whoever does the jobs is not.
      reindex: false,
      ...(!database.traits.shared && { backend: 'pglite' }),
    });
    this.boss.on('error', (error: Error) => this.report(error));
    this.boss.on('warning', (warning) =>
      this.logger.warn({ event: events.jobsTrouble, warning }, warning.message),
    );
  }

  async open(kinds: readonly string[]): Promise<void> {
    if (this.opened) return;
    await this.alone(() => this.make(kinds));
    // From here on as the service: what it makes as the owner it may use.
    this.opened = true;
    if (!this.database.traits.shared) await this.releaseOrphans();
  }

  /** The library looks what is missing and makes it, and of two replicas that do so at once one fails: one at a time. */
  private async alone(work: () => Promise<void>): Promise<void> {
    if (!this.database.traits.shared) return work();
    await this.database.administer('wait for the job queue', async (tx) => {
      await tx.query('select pg_advisory_xact_lock($1)', [LOCK]);
      await work();
    });
  }

  private async make(kinds: readonly string[]): Promise<void> {
    await this.boss.start();
    for (const kind of kinds) {
      await this.boss.createQueue(kind, {
        retryLimit: RETRIES_MAX,
        retryDelay: RETRY_DELAY_S,
        retryBackoff: true,
        retryDelayMax: RETRY_DELAY_MAX_S,
        heartbeatSeconds: HEARTBEAT_S,
        expireInSeconds: EXPIRE_S,
        retentionSeconds: RETENTION_S,
      });
      // Known from now on: looked up first inside somebody's transaction, it would wait for the connection that this
      // transaction holds.
      await this.boss.findJobs(kind, { id: '00000000-0000-0000-0000-000000000000' });
      this.kinds.add(kind);
    }
    // The library's own indexes serve its workers. A tenant that looks at its jobs must not read everybody's.
    await this.execute(
      `create index if not exists job_of_tenant on jobs.job ((data ->> 'business_id'), created_on desc, id desc)`,
    );
  }

  async enqueue(
    tx: Transaction,
    kind: string,
    data: JobData,
    options: { delayMs?: number } = {},
  ): Promise<string> {
    if (!this.kinds.has(kind)) throw new Error(`The job queue was opened without the kind ${kind}`);
    const startAfter = options.delayMs === undefined ? undefined : new Date(Date.now() + options.delayMs);
    const id = await this.boss.send(kind, data, { db: within(tx), ...(startAfter && { startAfter }) });
    if (id === null) throw new Error(`The job queue took no job of kind ${kind}`);
    return id;
  }

  wake(kind: string): void {
    for (const worker of this.workers.get(kind) ?? []) this.boss.notifyWorker(worker);
  }

  async work<T extends JobData>(
    kind: string,
    concurrency: number,
    worker: (job: RunningJob<T>) => Promise<void>,
  ): Promise<void> {
    const ids: string[] = [];
    this.workers.set(kind, ids);
    for (let i = 0; i < concurrency; i += 1) {
      const id: string = await this.boss.work<T>(
        kind,
        { batchSize: 1, pollingIntervalSeconds: POLL_EVERY_S },
        async ([job]) => {
          // Where there was one job there may be another: look again at once when this one is done.
          this.boss.notifyWorker(id);
          const { id: jobId, data, retryCount, signal } = job!;
          await inBackground(signal, () => worker({ id: jobId, data, attempt: retryCount + 1, signal }));
        },
      );
      ids.push(id);
    }
  }

  async find(businessId: string, id: string): Promise<JobView | undefined> {
    const [row] = await this.database.query<Row>(
      'find a job',
      `select ${VIEW} from jobs.job where name = any($3) and id = $1 and data ->> 'business_id' = $2`,
      [id, businessId, [...this.kinds]],
      { idempotent: true },
    );
    return row === undefined ? undefined : toView(row);
  }

  async list(businessId: string, { status, stuck, limit, after }: JobQuery): Promise<JobView[]> {
    const rows = await this.database.query<Row>(
      'list the jobs',
      `select ${VIEW} from jobs.job
       where data ->> 'business_id' = $1
         and ($2::text is null or state::text = $2)
         and ($3::boolean is null or $3 =
           (${OPEN} and start_after < now() and coalesce(heartbeat_on, started_on, start_after) < now() - make_interval(secs => ${STUCK_AFTER_S})))
         and ($4::uuid is null or (created_on, id) < (select created_on, id from jobs.job where name = any($6) and id = $4 limit 1))
       order by created_on desc, id desc limit $5`,
      [
        businessId,
        status === undefined ? null : STATE_OF[status],
        stuck ?? null,
        after ?? null,
        limit,
        [...this.kinds],
      ],
      { idempotent: true },
    );
    return rows.map(toView);
  }

  async cancel(tx: Transaction, businessId: string, id: string): Promise<JobData | undefined> {
    const [job] = await tx.query<{ kind: string; data: JobData }>(
      `select name as kind, data from jobs.job
       where name = any($3) and id = $1 and data ->> 'business_id' = $2 and ${OPEN} for update`,
      [id, businessId, [...this.kinds]],
    );
    if (job === undefined) return undefined;
    await this.boss.cancel(job.kind, id, { db: within(tx) });
    return job.data;
  }

  async depth(kinds?: readonly string[]): Promise<{ queued: number; running: number; failed: number }> {
    const [row] = await this.database.query<{ queued: number; running: number; failed: number }>(
      'count the jobs',
      `select count(*) filter (where state in ('created', 'retry'))::int as queued,
         count(*) filter (where state = 'active')::int as running,
         count(*) filter (where state = 'failed')::int as failed
       from jobs.job where state in ('created', 'retry', 'active', 'failed') and ($1::text[] is null or name = any($1))`,
      [kinds ?? null],
      { idempotent: true },
    );
    return row!;
  }

  async queues(): Promise<QueueView[]> {
    return this.database.query<QueueView>(
      'look at the queues',
      `select kind, count(*) filter (where state in ('created', 'retry'))::int as queued,
         count(*) filter (where state = 'active')::int as running,
         count(*) filter (where state = 'failed')::int as failed,
         coalesce(extract(epoch from now() - min(created_on) filter (where ${OPEN})), 0)::float8 as oldest_s
       from unnest($1::text[]) kind
         left join jobs.job on name = kind and state in ('created', 'retry', 'active', 'failed')
       group by kind order by kind`,
      [[...this.kinds]],
      { idempotent: true },
    );
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.database.query('look at the jobs', 'select 1 from jobs.job limit 1', [], { signal });
  }

  async rest(): Promise<void> {
    const kinds = [...this.workers.keys()];
    this.workers.clear();
    await Promise.all(kinds.map((kind) => this.boss.offWork(kind, { wait: false })));
  }

  async close(): Promise<void> {
    if (this.opened) await this.boss.stop({ graceful: true, timeout: CLOSE_TIMEOUT_MS, close: false });
  }

  /** On an engine that only this process can use, a job under way at the start is one that died with its process. */
  private async releaseOrphans(): Promise<void> {
    const orphans = await this.database.query<{ id: string; kind: string }>(
      'find orphaned jobs',
      `select id, name as kind from jobs.job where state = 'active'`,
    );
    for (const { id, kind } of orphans)
      await this.boss.fail(kind, id, { message: 'The process that did it ended' });
    if (orphans.length > 0) {
      this.logger.log(
        { event: events.jobsReleased, jobs: orphans.length },
        `${orphans.length} jobs of the last process are done again`,
      );
    }
  }

  private async execute(sql: string, values?: unknown[]) {
    // The library's own work is nobody's request: it must not end with one that happened to set it off.
    const found = Deadline.none(() =>
      this.opened
        ? this.database.query<unknown>('work the job queue', sql, values)
        : this.database.administer('make the job queue', (tx) => tx.query<unknown>(sql, values)),
    );
    return { rows: await found };
  }

  /** A database that is away is reported once, by the database; the queue would say so at each of its turns. */
  private report(error: Error): void {
    if (error instanceof DependencyError || /could not .*: /.test(error.message))
      this.logger.debug(error.message);
    else this.logger.warn({ event: events.jobsTrouble, err: error }, error.message);
  }
}

/** Runs a job under a deadline of its own, which ends with its signal: nobody waits for what it calls, so it has patience. */
async function inBackground(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const deadline = new Deadline(EXPIRE_S * 1_000, 'background');
  const end = () => deadline.abandon(signal.reason as Error);
  signal.addEventListener('abort', end, { once: true });
  try {
    await deadline.run(work);
  } finally {
    signal.removeEventListener('abort', end);
    deadline.release();
  }
}

function within(tx: Transaction): Db {
  return { executeSql: async (sql, values) => ({ rows: await tx.query<unknown>(sql, values) }) };
}

function toView(row: Row): JobView {
  return {
    id: row.id,
    kind: row.kind,
    status: STATUS_OF[row.state]!,
    attempts: row.attempts,
    last_error: row.last_error,
    created_at: row.created_on,
    started_at: row.started_on,
    finished_at: row.completed_on,
  };
}
