import type { Cause } from './cause.js';
import type { Reason } from './reason.js';

export type { Reason };

/** What an adapter makes of an error of its vendor's library. */
export interface Fault {
  reason: Reason;
  /** What to mend, where the reason alone does not say it. */
  cause?: Cause;
  /** False when the same call would fail again at once: a wrong password, a full disk, a quota that is used up. */
  transient: boolean;
  /**
   * False when it says that there is much to do, not that the dependency is sick: a pool that is empty, a lock that somebody
   * holds. Such a fault opens no circuit. Default: true.
   */
  counts?: boolean;
  /** How long the dependency itself asked us to wait. */
  retryAfterMs?: number;
  /**
   * Nothing will be better before so long: a rate limit with its Retry-After, a quota, a key that was revoked. The circuit
   * opens at once and stays open for exactly as long, whatever a check says: it would be answered.
   */
  suspendMs?: number;
}

/** A dependency failed. Its `cause` holds the vendor's error, which may hold secrets: it is for the log's redaction to see. */
export class DependencyError extends Error {
  readonly retryAfterMs?: number;
  /** Whether the same call may well succeed in a moment. */
  readonly transient: boolean;
  /** Whether it is a sign of sickness (see `Fault`). */
  readonly counts: boolean;

  constructor(
    readonly dependency: string,
    readonly operation: string,
    readonly reason: Reason,
    options: { cause?: unknown; retryAfterMs?: number; transient?: boolean; counts?: boolean },
  ) {
    super(`${dependency} could not ${operation}: ${reason}`, { cause: options.cause });
    this.name = 'DependencyError';
    this.transient = options.transient ?? false;
    this.counts = options.counts ?? true;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}
