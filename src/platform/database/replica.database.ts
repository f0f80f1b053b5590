import type { Traits } from '../../resilience/dependency.js';
import { type Connected, PgDatabase } from './pg.database.js';
import { PgPool } from './pg.pool.js';
import { rows } from './pg.transaction.js';
import { type PostgresSettings, servicePool } from './postgres.pool.js';
import type { Position } from './replica.lag.js';

/** What DATABASE_REPLICA_URL names follows nobody: it was promoted, or never was a standby. What is in it is another story. */
export class NoStandby extends Error {
  constructor() {
    super(
      'The server of DATABASE_REPLICA_URL is not a standby: name one that follows the server of DATABASE_URL',
    );
    this.name = 'NoStandby';
  }
}

/** A streaming standby, which is read from and nothing else. */
export class ReplicaDatabase extends PgDatabase {
  readonly adapter = 'postgres standby';
  readonly traits: Traits = { durable: true, shared: true };

  /** @param role what to act as, where it is not the URL's own */
  constructor(
    private readonly settings: PostgresSettings,
    private readonly url: string,
    private readonly role: string | undefined,
  ) {
    super(settings.DB_STATEMENT_TIMEOUT_MS);
  }

  async serving(): Promise<void> {}

  /** @throws NoStandby */
  override async check(signal: AbortSignal): Promise<void> {
    await this.position(signal);
  }

  /** How far it has come. @throws NoStandby */
  async position(signal: AbortSignal): Promise<Position> {
    const text = `select pg_is_in_recovery() as standby, pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::text as position`;
    const [row] = await this.opened.lend(signal, (client) =>
      rows<{ standby: boolean; position: string | null }>(client, text, []),
    );
    if (!row!.standby) throw new NoStandby();
    return BigInt(row!.position ?? 0);
  }

  async reach(signal: AbortSignal): Promise<void> {
    await this.open(signal);
  }

  protected async connect(): Promise<Connected> {
    return { pool: await PgPool.open({ url: this.url }, servicePool(this.settings, this.role)) };
  }

  protected owners(): Promise<PgPool> {
    throw new Error('A replica has no owner to work as: it is read from and nothing else');
  }
}
