import { Injectable } from '@nestjs/common';
import { newId } from '../../kernel/ids.js';
import { Database, type Transaction } from '../../platform/database/database.js';

export type EscalationStatus = 'open' | 'claimed' | 'resolved';

export interface EscalationRecord {
  id: string;
  session_id: string;
  reason: string;
  status: EscalationStatus;
  created_at: Date;
  due_at: Date;
  overdue: boolean;
  claimed_at: Date | null;
  resolved_at: Date | null;
}

const COLUMNS = `id, session_id, reason, status, created_at, due_at, status = 'open' and due_at < now() as overdue, claimed_at,
  resolved_at`;

/** The conversations that a person is to look at. Every statement names the tenant. */
@Injectable()
export class EscalationsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Puts a conversation into the queue, unless it is there.
   * @param slaS in so many seconds somebody is to have claimed it
   */
  async add(
    tx: Transaction,
    businessId: string,
    { sessionId, reason, slaS }: { sessionId: string; reason: string; slaS: number },
  ): Promise<EscalationRecord> {
    const [added] = await tx.query<EscalationRecord>(
      `insert into escalations (id, business_id, session_id, reason, due_at)
       values ($1, $2, $3, $4, now() + make_interval(secs => $5))
       on conflict (business_id, session_id) where status <> 'resolved' do nothing returning ${COLUMNS}`,
      [newId(), businessId, sessionId, reason, slaS],
    );
    return added ?? (await this.underWay(tx, businessId, sessionId))!;
  }

  /** The one of a conversation that is not resolved. */
  async underWay(
    tx: Transaction,
    businessId: string,
    sessionId: string,
  ): Promise<EscalationRecord | undefined> {
    const [found] = await tx.query<EscalationRecord>(
      `select ${COLUMNS} from escalations where business_id = $1 and session_id = $2 and status <> 'resolved'`,
      [businessId, sessionId],
    );
    return found;
  }

  async ofSession(businessId: string, sessionId: string): Promise<EscalationRecord | undefined> {
    return this.database.transaction('find an escalation', (tx) => this.underWay(tx, businessId, sessionId), {
      businessId,
      idempotent: true,
    });
  }

  /** Oldest first: who has waited longest. */
  async list(
    businessId: string,
    {
      status,
      after,
      limit,
    }: { status: EscalationStatus | undefined; after: string | undefined; limit: number },
  ): Promise<EscalationRecord[]> {
    return this.database.transaction(
      'list escalations',
      (tx) =>
        tx.query<EscalationRecord>(
          `select ${COLUMNS} from escalations
           where business_id = $1 and ($2::text is null or status = $2) and ($3::uuid is null or id > $3)
           order by id limit $4`,
          [businessId, status ?? null, after ?? null, limit],
        ),
      { businessId, idempotent: true },
    );
  }

  /** @returns the escalation, and whether it was in a state that allowed the change; undefined when there is none */
  async change(
    businessId: string,
    id: string,
    status: 'claimed' | 'resolved',
  ): Promise<{ escalation: EscalationRecord; changed: boolean } | undefined> {
    return this.database.transaction(
      'change an escalation',
      async (tx) => {
        const [changed] = await tx.query<EscalationRecord>(
          `update escalations set status = $3, claimed_at = coalesce(claimed_at, now()),
             resolved_at = case when $3 = 'resolved' then now() end
           where business_id = $1 and id = $2 and (status = 'open' or status = 'claimed' and $3 = 'resolved')
           returning ${COLUMNS}`,
          [businessId, id, status],
        );
        if (changed !== undefined) return { escalation: changed, changed: true };
        const [found] = await tx.query<EscalationRecord>(
          `select ${COLUMNS} from escalations where business_id = $1 and id = $2`,
          [businessId, id],
        );
        return found === undefined ? undefined : { escalation: found, changed: false };
      },
      { businessId },
    );
  }
}
