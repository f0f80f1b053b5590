import { integer, optional, setting, url } from './setting.js';

/** PostgreSQL. */
export const databaseSettings = {
  DATABASE_URL: optional(url('postgres', 'postgresql'), {
    group: 'Database',
    secret: true,
    description:
      'PostgreSQL 15 or newer with the pgvector extension, with TLS by ?sslmode=verify-full. Without it, PGlite in DATA_DIR.',
  }),
  DATABASE_OWNER_URL: optional(url('postgres', 'postgresql'), {
    group: 'Database',
    secret: true,
    description:
      'The same database for the role that owns its tables: migrations and new tables only. By default DATABASE_URL; then ' +
      'the service makes the lesser role mainstay_app and does everything else as that. Needed behind a pooler in transaction mode.',
  }),
  DATABASE_REPLICA_URL: optional(url('postgres', 'postgresql'), {
    group: 'Database',
    secret: true,
    description: 'A streaming standby of the database, for the reads that may be a little old.',
  }),
  DATABASE_REPLICA_LAG_MAX_MS: setting(integer(100, 3_600_000), '5000', {
    group: 'Database',
    unit: 'ms',
    description: 'The replica is read from while it is known to be no further behind than this.',
  }),
  DB_POOL_SIZE: setting(integer(2, 1_000), '20', {
    group: 'Database',
    unit: 'connections',
    description: 'Connections that the pool keeps (PostgreSQL only; PGlite has one).',
  }),
  DB_POOL_MAX_OVERFLOW: setting(integer(0, 1_000), '10', {
    group: 'Database',
    unit: 'connections',
    description:
      'Further connections that the pool opens under load, and closes when they are idle for 10 s.',
  }),
  DB_ACQUIRE_TIMEOUT_MS: setting(integer(50, 60_000), '500', {
    group: 'Database',
    unit: 'ms',
    description: 'How long a caller waits for a free connection, and for each step of making a new one.',
  }),
  DB_POOL_RECYCLE_S: setting(integer(10, 86_400), '3600', {
    group: 'Database',
    unit: 's',
    description: 'A connection is replaced when it is this old.',
  }),
  DB_CONNECTIONS_MAX: optional(integer(1, 1_000_000), {
    group: 'Database',
    unit: 'connections',
    description:
      'How many connections all replicas of this service may open together. By default what the server says; set it where a ' +
      'pooler stands in between, or where others use the server too.',
  }),
  DB_STATEMENT_TIMEOUT_MS: setting(integer(100, 600_000), '30000', {
    group: 'Database',
    unit: 'ms',
    description: 'The longest that one statement may take; a request with less time left gives it less.',
  }),
};
