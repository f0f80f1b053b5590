import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Important } from '../../http/load.guard.js';
import { id as idField, page, tenantQuery } from '../../http/fields.js';
import { IdempotencyKey } from '../../http/idempotency.js';
import { Answers } from '../../http/openapi.js';
import {
  escalateRequest,
  escalation,
  escalationChange,
  escalations,
  escalationsQuery,
  type EscalationView,
  sessionId,
} from './chat.schemas.js';
import type { EscalationRecord } from './escalations.repository.js';
import { Escalations } from './escalations.service.js';

const escalated = z.strictObject({ escalation_id: idField() }).meta({ id: 'Escalated' });

@ApiTags('Chat')
@Controller('api/v1')
@Important('feedback')
export class EscalationsController {
  constructor(private readonly escalations: Escalations) {}

  @Post('chat/sessions/:id/escalate')
  @ApiOperation({
    summary: 'Asks for a person.',
    description: 'A conversation that waits for one already is not put into the queue again.',
  })
  @HttpCode(201)
  @Scope('write')
  @Answers(201, escalated)
  async escalate(
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() key: string | undefined,
    @Param({ schema: sessionId }) { id }: z.output<typeof sessionId>,
    @Body({ schema: escalateRequest }) body: z.output<typeof escalateRequest>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof escalated>> {
    const tenant = caller.tenant(body.business_id, query.business_id);
    return { escalation_id: await this.escalations.escalate(tenant, id, body.reason, key) };
  }

  @Get('escalations')
  @ApiOperation({ summary: 'The queue: who has waited longest comes first.' })
  @Scope('read')
  @Answers(200, escalations)
  async list(
    @Caller() caller: CallerIdentity,
    @Query({ schema: escalationsQuery }) query: z.output<typeof escalationsQuery>,
  ): Promise<z.output<typeof escalations>> {
    const { status, cursor: after, limit } = query;
    const found = await this.escalations.list(caller.tenant(query.business_id), {
      status,
      after,
      limit: limit + 1,
    });
    return page(found.map(viewOf), limit);
  }

  @Patch('escalations/:id')
  @ApiOperation({ summary: 'A person claims a conversation, or is done with it.' })
  @Scope('write')
  @Answers(200, escalation)
  async change(
    @Caller() caller: CallerIdentity,
    @Param({ schema: sessionId }) { id }: z.output<typeof sessionId>,
    @Body({ schema: escalationChange }) body: z.output<typeof escalationChange>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<EscalationView> {
    const tenant = caller.tenant(body.business_id, query.business_id);
    return viewOf(await this.escalations.change(tenant, id, body.status));
  }
}

export function viewOf(record: EscalationRecord): EscalationView {
  const { created_at, due_at, claimed_at, resolved_at, ...rest } = record;
  return {
    ...rest,
    created_at: created_at.toISOString(),
    due_at: due_at.toISOString(),
    claimed_at: claimed_at?.toISOString() ?? null,
    resolved_at: resolved_at?.toISOString() ?? null,
  };
}
