import { ExitCode } from '../../kernel/exit-code.js';
import type { Transaction } from './database.js';
import { CHECKS_MAX, OWNERS_MAX, type PostgresSettings } from './postgres.pool.js';

/** The database keeps text in an encoding that has not every character. */
export class WrongEncoding extends Error {
  readonly exitCode = ExitCode.schema;

  constructor(encoding: string) {
    super(
      `The database keeps text as ${encoding}, which cannot hold every character. ` +
        `Make one that keeps it as UTF8: create database … encoding 'UTF8' template template0`,
    );
    this.name = 'WrongEncoding';
  }
}

/** All replicas together would open more connections than there are. */
export class TooManyConnections extends Error {
  readonly exitCode = ExitCode.capacity;

  constructor(
    {
      replicas,
      pool,
      others,
      needed,
      available,
    }: Record<'replicas' | 'pool' | 'others' | 'needed' | 'available', number>,
    source: string,
  ) {
    super(
      `The database has too few connections: ${replicas} replicas (REPLICAS) × ${pool} (DB_POOL_SIZE + DB_POOL_MAX_OVERFLOW + ` +
        `${OWNERS_MAX} for migrations + ${CHECKS_MAX} for checks) + ${others} for people and their tools = ${needed}, and there are ${available} (${source}). ` +
        'Lower one of these settings, raise max_connections, or put a pooler in between and say with DB_CONNECTIONS_MAX what it allows.',
    );
    this.name = 'TooManyConnections';
  }
}

// psql of whoever looks after it, a backup, a monitor.
const OTHERS = 3;

export async function assertUtf8(owner: Transaction): Promise<void> {
  const [row] = await owner.query<{ server_encoding: string }>('show server_encoding');
  if (row!.server_encoding !== 'UTF8') throw new WrongEncoding(row!.server_encoding);
}

/** @throws Error with the code 25006 on a server that may not be written to, before a migration fails half-way */
export async function assertWritable(owner: Transaction): Promise<void> {
  const [row] = await owner.query<{ read_only: boolean; standby: boolean }>(
    `select current_setting('transaction_read_only') = 'on' as read_only, pg_is_in_recovery() as standby`,
  );
  if (!row!.read_only) return;
  const what = row!.standby ? 'is a standby, which follows another server' : 'is set to read-only';
  throw Object.assign(new Error(`The server of DATABASE_URL ${what}: it cannot be written to`), {
    code: '25006',
  });
}

/** @throws TooManyConnections */
export async function assertFits(owner: Transaction, settings: PostgresSettings): Promise<void> {
  const [row] = await owner.query<{ max: number; reserved: number }>(
    `select current_setting('max_connections')::int as max,
       current_setting('superuser_reserved_connections')::int
         + coalesce(current_setting('reserved_connections', true)::int, 0) as reserved`,
  );
  const limit = settings.DB_CONNECTIONS_MAX;
  const available = limit ?? row!.max - row!.reserved;
  const source =
    limit === undefined
      ? `max_connections ${row!.max} of the server, less ${row!.reserved} that it reserves`
      : 'DB_CONNECTIONS_MAX';
  const replicas = settings.REPLICAS ?? 1;
  const pool = settings.DB_POOL_SIZE + settings.DB_POOL_MAX_OVERFLOW + OWNERS_MAX + CHECKS_MAX;
  const others = limit === undefined ? OTHERS : 0;
  const needed = replicas * pool + others;
  if (needed > available) throw new TooManyConnections({ replicas, pool, others, needed, available }, source);
}
