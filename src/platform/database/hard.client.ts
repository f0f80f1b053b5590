import pg from 'pg';
import { Deadline } from '../../kernel/deadline.js';

// Never less: the server needs a moment to answer at all, and a query that was sent must be given up by us or by it.
const QUERY_TIMEOUT_MIN_MS = 50;

type Callback = (error: unknown, result: unknown) => void;
type Query = (config: string | object, values?: unknown, callback?: unknown) => Promise<unknown> | undefined;

/**
 * A client that never goes back to the pool in an unknown state.
 *
 * With pg as it is, a query that times out on our side leaves its connection in the pool, with the query still running
 * and perhaps a transaction open: the next request then runs inside the old transaction, sees its tenant, and loses what
 * it is told was written (brianc/node-postgres#3399). Here the connection is destroyed instead; the server rolls back.
 *
 * Each query is given no more time than the request that it belongs to has left.
 */
export class HardClient extends pg.Client {
  readonly bornMs = performance.now();
  /** When it was last given back; undefined while it is new. */
  returnedMs: number | undefined;
  /** Whether the server said that it may not be written to. */
  readOnlyServer = false;

  override query = ((config: string | object, values?: unknown, callback?: unknown) => {
    const limited = this.limit(config);
    const query = super.query.bind(this) as unknown as Query;
    if (typeof callback === 'function') return query(limited, values, this.watch(callback as Callback));
    if (typeof values === 'function') return query(limited, this.watch(values as Callback));
    const answer = query(limited, values);
    answer?.catch((error: unknown) => this.condemnAfter(error));
    return answer;
  }) as pg.Client['query'];

  /** Cuts the connection now. Whatever was going on in it is rolled back by the server. */
  destroy(reason: Error): void {
    // The pool drops a client that is not queryable when it is given back; the event of the destroyed socket comes later.
    (this as unknown as { _queryable: boolean })._queryable = false;
    (
      this as unknown as { connection: { stream: { destroy(error: Error): void } } }
    ).connection.stream.destroy(reason);
  }

  /** Cuts the connection to a server that said of itself that it may not be written to. @returns the error to throw */
  condemnReadOnly(): Error {
    const error = Object.assign(new Error('The server is read-only'), { code: '25006' });
    this.condemnAfter(error);
    return error;
  }

  /** Whether the connection stands between two transactions, with nothing open. */
  get idle(): boolean {
    return (this as unknown as { getTransactionStatus(): string | null }).getTransactionStatus() === 'I';
  }

  private limit(config: string | object): string | object {
    const deadline = Deadline.current();
    // A query object (cursor, stream) brings its own way of being sent and is left as it is.
    if (deadline === undefined || (typeof config === 'object' && 'submit' in config)) return config;
    const remainingMs = Math.max(QUERY_TIMEOUT_MIN_MS, Math.ceil(deadline.remainingMs()));
    const general = (this as unknown as { connectionParameters: { query_timeout?: number | false } })
      .connectionParameters.query_timeout;
    const query: { query_timeout?: number } =
      typeof config === 'string' ? ({ text: config } as object) : config;
    const ownMs = query.query_timeout ?? (typeof general === 'number' && general > 0 ? general : Infinity);
    return { ...query, query_timeout: Math.min(ownMs, remainingMs) };
  }

  private watch(callback: Callback): Callback {
    return (error, result) => {
      this.condemnAfter(error);
      callback(error, result);
    };
  }

  private condemnAfter(error: unknown): void {
    if (!(error instanceof Error)) return;
    if ((error as { code?: string }).code === '25006') this.readOnlyServer = true;
    if (error.message === 'Query read timeout' || this.readOnlyServer) this.destroy(error);
  }
}
