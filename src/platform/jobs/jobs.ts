import type { Traits } from '../../resilience/dependency.js';
import type { Transaction } from '../database/database.js';

/** What a job is about. Every job belongs to a tenant. */
export interface JobData {
  business_id: string;
  [key: string]: unknown;
}

/** A job as its worker sees it. */
export interface RunningJob<T extends JobData> {
  id: string;
  data: T;
  /** 1 at the first try. */
  attempt: number;
  /** Aborts when the job is cancelled or the process stops: work is then left as it is, and done again elsewhere. */
  signal: AbortSignal;
}

export type JobStatus = 'queued' | 'running' | 'retrying' | 'completed' | 'failed' | 'cancelled';

/** A job as its owner sees it. */
export interface JobView {
  id: string;
  kind: string;
  status: JobStatus;
  attempts: number;
  last_error: string | null;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

export interface JobQuery {
  status?: JobStatus;
  /** Not ended, and without a sign of life for a minute. */
  stuck?: boolean;
  limit: number;
  /** The last job of the page before. */
  after?: string;
}

/** One queue. `oldest_s`: for how long the oldest job that has not ended has been there, in seconds. */
export interface QueueView {
  kind: string;
  queued: number;
  running: number;
  failed: number;
  oldest_s: number;
}

/**
 * Work that is done after the answer, and done even if this process dies: a job is a row, committed with what it is about.
 * It may be done more than once; its worker must not mind.
 */
export abstract class Jobs {
  abstract readonly adapter: string;
  abstract readonly traits: Traits;

  /** @param kinds every kind of job that there will be */
  abstract open(kinds: readonly string[]): Promise<void>;

  /**
   * Makes a job part of a transaction: both are committed or neither is.
   * @returns its id
   */
  abstract enqueue(
    tx: Transaction,
    kind: string,
    data: JobData,
    options?: { delayMs?: number },
  ): Promise<string>;

  /** Lets idle workers of this process look at once instead of at their next turn. */
  abstract wake(kind: string): void;

  /**
   * From now on, jobs of this kind are done here, `concurrency` at a time. A worker that throws has its job tried again,
   * later and later, up to a minute apart, and never given up: what cannot succeed is for the worker to settle.
   */
  abstract work<T extends JobData>(
    kind: string,
    concurrency: number,
    worker: (job: RunningJob<T>) => Promise<void>,
  ): Promise<void>;

  abstract find(businessId: string, id: string): Promise<JobView | undefined>;

  /** Newest first. */
  abstract list(businessId: string, query: JobQuery): Promise<JobView[]>;

  /**
   * Takes a job back, as part of a transaction. One that runs is told by its signal, in time.
   * @returns what it was about; undefined when there is none of that id that has not ended
   */
  abstract cancel(tx: Transaction, businessId: string, id: string): Promise<JobData | undefined>;

  /** How many jobs wait and run, of all tenants: of these kinds, or of every kind. */
  abstract depth(kinds?: readonly string[]): Promise<{ queued: number; running: number; failed: number }>;

  /** How each queue stands, of all tenants together: every kind that it was opened with. */
  abstract queues(): Promise<QueueView[]>;

  abstract check(signal: AbortSignal): Promise<void>;

  /** Takes no more jobs; those under way go on, and new ones can still be enqueued for others to do. */
  abstract rest(): Promise<void>;

  /** Takes no more jobs, gives those under way a moment, and hands the others back. */
  abstract close(): Promise<void>;
}
