import type { Settings } from '../../config/settings.js';
import type { PoolOptions } from './pg.pool.js';

// Above DB_POOL_SIZE, and the owner's, a connection is closed when nobody has needed it for so long.
const OVERFLOW_IDLE_MS = 10_000;
const OWNER_IDLE_MS = 1_000;
/** Connections that the owner of the tables needs: one holds the lock while another migrates. */
export const OWNERS_MAX = 2;

/** Connections for checks: while one waits for its answer, another may be made. */
export const CHECKS_MAX = 2;

export type PostgresSettings = Pick<
  Settings,
  'DB_POOL_SIZE' | 'DB_POOL_MAX_OVERFLOW' | 'DB_STATEMENT_TIMEOUT_MS'
> &
  Partial<
    Pick<
      Settings,
      'DB_ACQUIRE_TIMEOUT_MS' | 'DB_POOL_RECYCLE_S' | 'DB_CONNECTIONS_MAX' | 'DATABASE_OWNER_URL' | 'REPLICAS'
    >
  >;

/** The pool that the service works with, on a server. @param role what to act as, where it is not the URL's own */
export function servicePool(settings: PostgresSettings, role?: string): PoolOptions {
  return {
    // PostgreSQL knows no overflow: these are kept, and what is opened above them does not live long.
    min: settings.DB_POOL_SIZE,
    max: settings.DB_POOL_SIZE + settings.DB_POOL_MAX_OVERFLOW,
    acquireTimeoutMs: settings.DB_ACQUIRE_TIMEOUT_MS ?? 500,
    statementTimeoutMs: settings.DB_STATEMENT_TIMEOUT_MS,
    idleTimeoutMs: OVERFLOW_IDLE_MS,
    recycleS: settings.DB_POOL_RECYCLE_S ?? 3_600,
    session: {
      ...(role !== undefined && { role }),
      // A lock that is not had by then is held by something that waits itself; a transaction that is idle so long waits for
      // something else than the database.
      lock_timeout: '5000',
      idle_in_transaction_session_timeout: '5000',
      statement_timeout: String(settings.DB_STATEMENT_TIMEOUT_MS),
      // A statement that nobody waits for any more ends within half a second, instead of at its time limit.
      client_connection_check_interval: '500',
    },
  };
}

/** The pool of the owner of the tables. Its statements take as long as they take: they build indexes. */
export function ownerPool(settings: PostgresSettings): PoolOptions {
  const service = servicePool(settings);
  return {
    ...service,
    min: 0,
    max: OWNERS_MAX,
    idleTimeoutMs: OWNER_IDLE_MS,
    statementTimeoutMs: 0,
    session: { ...service.session, statement_timeout: '0' },
  };
}

/** The pool that the checks have for themselves. @param role as for `servicePool` */
export function checkPool(settings: PostgresSettings, role?: string): PoolOptions {
  return { ...servicePool(settings, role), min: 1, max: CHECKS_MAX };
}
