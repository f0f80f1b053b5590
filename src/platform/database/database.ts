import type { CallOptions, Traits } from '../../resilience/dependency.js';

/** An open transaction. */
export interface Transaction {
  /**
   * Runs one statement, or several without parameters.
   * @returns the rows, of all the statements
   */
  query<Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

export interface QueryOptions extends CallOptions {
  /** Ends the work: what is not committed by then never will be. */
  signal?: AbortSignal;
}

export interface WorkOptions extends QueryOptions {
  /**
   * The tenant that the work is done for: the database lets it see and write nothing of another. Work without one, that of
   * the service itself, sees no tenant's rows at all.
   */
  businessId?: string;
  /**
   * A read that may miss what was committed in the last moments (DATABASE_REPLICA_LAG_MAX_MS), and may therefore be answered
   * by the replica, where there is one. Never for what its own caller has just written.
   */
  staleOk?: boolean;
}

/** The longest that a timer can wait, in milliseconds: 24 days. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** How the pool of connections stands. */
export interface PoolStatus {
  size: number;
  inUse: number;
  idle: number;
  waiting: number;
  /** How long the last callers waited for a connection that lives. */
  acquireP95Ms: number;
  /** Connections that were ever made. */
  connects: number;
}

/**
 * The reply to COMMIT did not come: the transaction may have been kept or not. Its cause is what came instead. Only the
 * truth itself can tell, so whatever must not be done twice leaves a mark in it (see `Idempotency`).
 */
export class OutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('The connection was lost while the transaction was committed: it may have been kept or not', {
      cause,
    });
    this.name = 'OutcomeUnknown';
  }
}

/**
 * PostgreSQL, wherever it runs: the truth, to which everything else is a projection or a cache.
 *
 * Work is done in a transaction, and on the embedded engine there is one connection: within `work`, everything goes
 * through the transaction that it is handed, and nothing but SQL is waited for.
 */
export abstract class Database {
  abstract readonly adapter: string;
  abstract readonly traits: Traits;
  /** Whether reads that may be stale can have come from a replica: what must be true now is then looked up again. */
  readonly replicated: boolean = false;

  /** Finds out whether the database is there, and is what the service needs. May be called again, also after it failed. */
  abstract reach(signal: AbortSignal): Promise<void>;

  /**
   * Opens the database and brings its schema up to date. May be called again after it failed.
   * @returns what became of the schema, in words
   */
  abstract open(signal: AbortSignal): Promise<string | void>;

  /**
   * Runs `work` in one transaction and commits it when `work` resolves.
   * @param operation what is being done, in a word or two, for errors and statistics
   * @throws what `work` throws, after a rollback; OutcomeUnknown
   */
  abstract transaction<T>(
    operation: string,
    work: (tx: Transaction) => Promise<T>,
    options?: WorkOptions,
  ): Promise<T>;

  /** Runs one statement outside any transaction, as work of the service itself: only a transaction has a tenant. */
  abstract query<Row>(
    operation: string,
    sql: string,
    parameters?: unknown[],
    options?: QueryOptions,
  ): Promise<Row[]>;

  /**
   * Runs `work` in one transaction as the owner of the tables: for what makes or changes them. The service may use what
   * it makes. An owner that is no superuser sees no more of the tenants' rows than other work does; a table with a `business_id` is handed to
   * `separate_tenants` once it is made.
   */
  abstract administer<T>(
    operation: string,
    work: (tx: Transaction) => Promise<T>,
    options?: QueryOptions,
  ): Promise<T>;

  /** Every tenant that has ever stored anything, for work that is to be done for each of them, one transaction each. */
  abstract tenants(options?: QueryOptions): Promise<string[]>;

  /** A cheap statement that shows that the database answers and may be written to. */
  abstract check(signal: AbortSignal): Promise<void>;

  abstract pool(): PoolStatus;

  /** Told where this process serves, once it does. */
  abstract serving(url: string): Promise<void>;

  abstract close(): Promise<void>;
}
