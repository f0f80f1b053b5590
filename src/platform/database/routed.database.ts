import { CallerGone, Deadline, DeadlineExceeded } from '../../kernel/deadline.js';
import type { Dependency } from '../../resilience/dependency.js';
import type { Database, Transaction, WorkOptions } from './database.js';
import { GuardedDatabase } from './guarded.database.js';
import type { ReplicaWatch } from './replica.watch.js';

// The replica may use half of the time that there is, and never more than this: the primary must have enough.
const REPLICA_TIMEOUT_MS = 1_500;

/**
 * The primary, and beside it a replica for the reads that say that they may be stale. The replica is used while it is known
 * to be fresh enough; whatever is wrong with it, the primary answers within the same call.
 *
 * TypeORM's own replication sends every read to a replica at random, be it dead, behind, or asked for what was written a
 * moment ago, and fails to open when one of them does not.
 */
export class RoutedDatabase extends GuardedDatabase {
  override readonly replicated = true;

  constructor(
    primary: Database,
    dependency: Dependency,
    private readonly replica: GuardedDatabase,
    private readonly watch: ReplicaWatch,
  ) {
    super(primary, dependency);
  }

  /** Apart from `open`: without a replica the service is whole. */
  async openReplica(signal: AbortSignal): Promise<void> {
    this.watch.start();
    await this.replica.open(signal);
    await this.watch.measure();
  }

  override async transaction<T>(
    operation: string,
    work: (tx: Transaction) => Promise<T>,
    options: WorkOptions = {},
  ): Promise<T> {
    if (options.staleOk === true && options.idempotent === true && this.watch.fresh) {
      try {
        const timeoutMs = Math.min(REPLICA_TIMEOUT_MS, (Deadline.current()?.remainingMs() ?? Infinity) / 2);
        // Not tried again there: the primary is the second try.
        return await this.replica.transaction(operation, work, { ...options, idempotent: false, timeoutMs });
      } catch (error) {
        // Also what is no fault by itself: a table that it does not have yet, say. What the primary says of it counts.
        if (error instanceof DeadlineExceeded || error instanceof CallerGone) throw error;
      }
    }
    return super.transaction(operation, work, options);
  }

  override async close(): Promise<void> {
    this.watch.stop();
    await this.replica.close();
    await super.close();
  }
}
