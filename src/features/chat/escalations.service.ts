import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { AppError } from '../../kernel/app-error.js';
import { Idempotency } from '../../platform/database/idempotency.js';
import { ChatRepository } from './chat.repository.js';
import {
  type EscalationRecord,
  EscalationsRepository,
  type EscalationStatus,
} from './escalations.repository.js';

/** The queue of conversations for persons. It needs the database and nothing else. */
@Injectable()
export class Escalations {
  constructor(
    private readonly repository: EscalationsRepository,
    private readonly chat: ChatRepository,
    private readonly idempotency: Idempotency,
    private readonly settings: Settings,
  ) {}

  /** @returns the id: of the one that is under way, if there is one. @throws AppError not_found */
  async escalate(businessId: string, sessionId: string, reason: string, key?: string): Promise<string> {
    if ((await this.chat.find(businessId, sessionId)) === undefined)
      throw new AppError('not_found', `There is no conversation ${sessionId}`);
    return this.idempotency.once(
      'escalate a conversation',
      async (tx) => {
        const slaS = this.settings.ESCALATION_SLA_S;
        return (await this.repository.add(tx, businessId, { sessionId, reason, slaS })).id;
      },
      { businessId, key, request: { escalate: sessionId, reason } },
    );
  }

  list(
    businessId: string,
    where: { status: EscalationStatus | undefined; after: string | undefined; limit: number },
  ): Promise<EscalationRecord[]> {
    return this.repository.list(businessId, where);
  }

  /** @throws AppError not_found; conflict when it is claimed or resolved already */
  async change(businessId: string, id: string, status: 'claimed' | 'resolved'): Promise<EscalationRecord> {
    const found = await this.repository.change(businessId, id, status);
    if (found === undefined) throw new AppError('not_found', `There is no escalation ${id}`);
    const { escalation, changed } = found;
    if (!changed) throw new AppError('conflict', `The escalation is ${escalation.status} already`);
    return escalation;
  }
}
