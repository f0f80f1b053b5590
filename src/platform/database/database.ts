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
  /** The tenant that the work is done for: the database lets it see nothing of another. Absent for work of the service itself. */
  businessId?: string;
}

/** How the pool of connections stands. */
export interface PoolStatus {
  size: number;
  inUse: number;
  idle: number;
  waiting: number;
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

  /** Opens the database and brings its schema up to date. May be called again after it failed. */
  abstract open(signal: AbortSignal): Promise<void>;

  /**
   * Runs `work` in one transaction and commits it when `work` resolves.
   * @param operation what is being done, in a word or two, for errors and statistics
   * @throws what `work` throws, after a rollback
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

  /** A cheap statement that shows that the database answers and may be written to. */
  abstract check(signal: AbortSignal): Promise<void>;

  abstract pool(): PoolStatus;

  /** Told where this process serves, once it does. */
  abstract serving(url: string): Promise<void>;

  abstract close(): Promise<void>;
}
