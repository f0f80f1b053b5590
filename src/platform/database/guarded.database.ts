import { CallerGone } from '../../kernel/deadline.js';
import type { Dependency, Traits } from '../../resilience/dependency.js';
import {
  Database,
  TIMER_MS_MAX,
  type PoolStatus,
  type QueryOptions,
  type Transaction,
  type WorkOptions,
} from './database.js';

// A read that takes this long is a sign of trouble even when it succeeds. On the embedded engine, with its one connection,
// it is a sign of a large write only.
const SLOW_READ_MS = 2_000;

/**
 * The database behind its circuit, time limits and retries. A transaction is tried again only where the caller says that
 * it may be: after a lost commit nobody knows whether it was done.
 */
export class GuardedDatabase extends Database {
  readonly adapter: string;
  readonly traits: Traits;

  constructor(
    private readonly inner: Database,
    private readonly dependency: Dependency,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
  }

  reach(signal: AbortSignal): Promise<void> {
    return this.inner.reach(signal);
  }

  open(signal: AbortSignal): Promise<string | void> {
    return this.inner.open(signal);
  }

  transaction<T>(
    operation: string,
    work: (tx: Transaction) => Promise<T>,
    options: WorkOptions = {},
  ): Promise<T> {
    return this.call(operation, options, (signal) =>
      this.inner.transaction(operation, work, { ...options, signal }),
    );
  }

  query<Row>(
    operation: string,
    sql: string,
    parameters: unknown[] = [],
    options: QueryOptions = {},
  ): Promise<Row[]> {
    return this.call(operation, options, (signal) =>
      this.inner.query<Row>(operation, sql, parameters, { ...options, signal }),
    );
  }

  administer<T>(
    operation: string,
    work: (tx: Transaction) => Promise<T>,
    options: QueryOptions = {},
  ): Promise<T> {
    // As long as it takes, unless who asks says otherwise: it builds indexes.
    return this.call(operation, { timeoutMs: TIMER_MS_MAX, ...options }, (signal) =>
      this.inner.administer(operation, work, { ...options, signal }),
    );
  }

  tenants(options: QueryOptions = {}): Promise<string[]> {
    const idempotent = { ...options, idempotent: true };
    return this.call('list the tenants', idempotent, (signal) =>
      this.inner.tenants({ ...idempotent, signal }),
    );
  }

  check(signal: AbortSignal): Promise<void> {
    return this.inner.check(signal);
  }

  pool(): PoolStatus {
    return this.inner.pool();
  }

  serving(url: string): Promise<void> {
    return this.inner.serving(url);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  /** The work ends with its own call or with the one that it is a part of, and the latter is no fault of the database. */
  private call<T>(
    operation: string,
    options: QueryOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { signal: outer } = options;
    return this.dependency.call(
      operation,
      async (own) => {
        try {
          return await work(outer === undefined ? own : AbortSignal.any([own, outer]));
        } catch (error) {
          throw outer?.aborted === true ? new CallerGone() : error;
        }
      },
      { ...options, ...(options.idempotent === true && this.traits.shared && { slowMs: SLOW_READ_MS }) },
    );
  }
}
