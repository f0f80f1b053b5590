import { Deadline } from '../../kernel/deadline.js';
import type { Dependency } from '../../resilience/dependency.js';
import type { Database } from './database.js';
import { NoStandby, type ReplicaDatabase } from './replica.database.js';
import { type Position, ReplicaLag } from './replica.lag.js';

const EVERY_MS_MAX = 1_000;
const TIMEOUT_MS = 1_000;

/** The replica is further behind than DATABASE_REPLICA_LAG_MAX_MS, or nobody knows how far. */
export class ReplicaBehind extends Error {
  constructor(lagMs: number) {
    super(
      Number.isFinite(lagMs)
        ? `The replica may be ${Math.round(lagMs)} ms behind: it is not read from`
        : 'How far the replica is behind is not known: it is not read from',
    );
    this.name = 'ReplicaBehind';
  }
}

/** Measures in the background how far the replica is behind. */
export class ReplicaWatch {
  private readonly lag = new ReplicaLag();
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param primary the guarded one
   * @param dependency the replica's own
   */
  constructor(
    private readonly primary: Database,
    private readonly replica: ReplicaDatabase,
    private readonly dependency: Dependency,
    private readonly lagMaxMs: number,
  ) {}

  get lagMs(): number {
    return this.lag.atMostMs(performance.now());
  }

  get fresh(): boolean {
    return this.lagMs <= this.lagMaxMs;
  }

  start(): void {
    if (this.timer !== undefined) return;
    // Four marks at least within what is allowed: a replica that keeps up is then never taken for one that does not.
    const everyMs = Math.min(EVERY_MS_MAX, this.lagMaxMs / 4);
    const next = () => {
      this.timer = setTimeout(() => void Deadline.none(() => this.measure()).then(again), everyMs).unref();
    };
    const again = () => {
      if (this.timer !== undefined) next();
    };
    next();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /**
   * The replica's own check: past its circuit, which a replica that cannot be measured would otherwise never close.
   * @throws NoStandby, ReplicaBehind
   */
  async check(signal: AbortSignal): Promise<void> {
    await this.replica.open(signal);
    await this.compare(this.replica.position(signal));
    if (!this.fresh) throw new ReplicaBehind(this.lagMs);
  }

  /** One measurement. A server that does not answer is no news, and the lag grows by itself. */
  async measure(): Promise<void> {
    const options = { idempotent: false, timeoutMs: TIMEOUT_MS };
    const position = this.dependency.call(
      'measure the lag',
      (signal) => this.replica.position(signal),
      options,
    );
    await Promise.allSettled([this.markPrimary(options), this.compare(position)]);
  }

  private async compare(position: Promise<Position>): Promise<void> {
    try {
      this.lag.passed(await position);
    } catch (error) {
      if (error instanceof NoStandby || (error as Error).cause instanceof NoStandby) this.lag.forget();
      throw error;
    }
  }

  private async markPrimary(options: { idempotent: boolean; timeoutMs: number }): Promise<void> {
    const atMs = performance.now();
    const [row] = await this.primary.query<{ position: string }>(
      'mark the log',
      // What is acknowledged is flushed, and no standby is ever sent more.
      `select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::text as position`,
      [],
      options,
    );
    this.lag.mark(BigInt(row!.position), atMs);
  }
}
