import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { Database, OutcomeUnknown, type Transaction } from './database.js';

const KEPT = `interval '24 hours'`;
// Keys that are too old are removed by the requests that bring new ones, so many at a time: more than come in.
const PURGED_AT_ONCE = 20;

export interface Once {
  businessId: string;
  /** The client's Idempotency-Key; undefined when it sent none, and the work is then done each time. */
  key: string | undefined;
  /** What was asked for: the route and the body. Of another request the same key is refused. */
  request: unknown;
  /** Its answer has cost much already, or somebody has read it: a connection is waited for, as `CallOptions` says. */
  patient?: boolean;
}

interface Kept {
  request_sha256: string;
  answer: unknown;
}

/**
 * Work that is done once, however often its client has to ask: the key is committed together with what the work wrote, so
 * there is never one without the other. Kept for 24 hours.
 */
@Injectable()
export class Idempotency {
  constructor(private readonly database: Database) {}

  /**
   * Runs `work` in a transaction of the tenant, unless a request with this key has been answered.
   * @returns what `work` returned, now or the first time; it must be plain JSON
   * @throws AppError conflict while the first request is under way; idempotency_mismatch when it asked for something else
   */
  async once<T>(operation: string, work: (tx: Transaction) => Promise<T>, once: Once): Promise<T> {
    const { businessId, key, patient = false } = once;
    if (key === undefined) return this.database.transaction(operation, work, { businessId, patient });
    const request = digestOf(once.request);
    try {
      return await this.database.transaction(
        operation,
        async (tx) => {
          const kept = await claim(tx, businessId, key);
          if (kept !== undefined) return repeat(kept, request) as T;
          const answer = await work(tx);
          await keep(tx, businessId, key, { request_sha256: request, answer });
          return answer;
        },
        { businessId, patient },
      );
    } catch (error) {
      if (!isOutcomeUnknown(error)) throw error;
      const kept = await this.lookUp(businessId, key).catch(() => undefined); // what was lost first says more
      if (kept === undefined) throw error;
      return repeat(kept, request) as T;
    }
  }

  /**
   * What was answered to a request with this key, for whoever would do much before there is a transaction.
   * @throws AppError idempotency_mismatch when that asked for something else
   */
  async earlier<T>({ businessId, key, request }: Once): Promise<T | undefined> {
    const kept = key === undefined ? undefined : await this.lookUp(businessId, key);
    return kept === undefined ? undefined : (repeat(kept, digestOf(request)) as T);
  }

  /** After a lost COMMIT: the key is there if, and only if, everything else is. */
  private lookUp(businessId: string, key: string): Promise<Kept | undefined> {
    return this.database.transaction('look for a key', (tx) => find(tx, businessId, key), {
      businessId,
      idempotent: true,
    });
  }
}

/** Makes the key ours until the end of the transaction. @returns what is kept under it, if anything is */
async function claim(tx: Transaction, businessId: string, key: string): Promise<Kept | undefined> {
  const [lock] = await tx.query<{ taken: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended(jsonb_build_array('idempotency', $1::text, $2::text)::text, 0)) as taken`,
    [businessId, key],
  );
  if (!lock!.taken) throw underWay();
  // Only now: who had the lock a moment ago has committed.
  return find(tx, businessId, key);
}

async function find(tx: Transaction, businessId: string, key: string): Promise<Kept | undefined> {
  const [kept] = await tx.query<Kept>(
    `select request_sha256, answer from idempotency_keys
     where business_id = $1 and key = $2 and created_at > now() - ${KEPT}`,
    [businessId, key],
  );
  return kept;
}

async function keep(tx: Transaction, businessId: string, key: string, kept: Kept): Promise<void> {
  await tx.query(
    `delete from idempotency_keys where business_id = $1 and key in
       (select key from idempotency_keys where business_id = $1 and created_at <= now() - ${KEPT}
        order by (key = $2) desc, created_at limit ${PURGED_AT_ONCE} for update skip locked)`,
    [businessId, key],
  );
  await tx.query(
    'insert into idempotency_keys (business_id, key, request_sha256, answer) values ($1, $2, $3, $4)',
    [businessId, key, kept.request_sha256, JSON.stringify(kept.answer)],
  );
}

function digestOf(request: unknown): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex');
}

function repeat(kept: Kept, request: string): unknown {
  if (kept.request_sha256 === request) return kept.answer;
  throw new AppError(
    'idempotency_mismatch',
    'This Idempotency-Key came with another request before: send a new key with a new request',
  );
}

function underWay(): AppError {
  return new AppError(
    'conflict',
    'A request with this Idempotency-Key is under way: repeat it in a moment, and it gets the same answer',
    { retryAfterMs: 1_000 },
  );
}

function isOutcomeUnknown(error: unknown): boolean {
  return (
    error instanceof OutcomeUnknown || (error instanceof DependencyError && isOutcomeUnknown(error.cause))
  );
}
