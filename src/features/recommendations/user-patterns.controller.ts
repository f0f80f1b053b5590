import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Important } from '../../http/load.guard.js';
import { page, tenantQuery } from '../../http/fields.js';
import { IdempotencyKey } from '../../http/idempotency.js';
import { Answers } from '../../http/openapi.js';
import {
  newUserPattern,
  patternAccepted,
  patternId,
  patternsPage,
  patternsQuery,
  patternView,
} from './recommendations.schemas.js';
import type { UserPattern } from './user-patterns.repository.js';
import { UserPatterns } from './user-patterns.service.js';

@ApiTags('Recommendations')
@Controller('api/v1/user-patterns')
export class UserPatternsController {
  constructor(private readonly patterns: UserPatterns) {}

  @Post()
  @Important('ingest')
  @HttpCode(201)
  @Scope('write')
  @ApiOperation({
    summary:
      'Stores what is known of a user: what they are after, and what they have seen, liked and disliked.',
    description:
      'Patterns add up. Codes: validation_failed, idempotency_mismatch (422), conflict (409), dependency_unavailable (503).',
  })
  @Answers(201, patternAccepted)
  async accept(
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() key: string | undefined,
    @Body({ schema: newUserPattern }) body: z.output<typeof newUserPattern>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof patternAccepted>> {
    const tenant = caller.tenant(body.business_id, query.business_id);
    return { pattern_id: await this.patterns.accept(tenant, body.user_id, body.pattern_data, key) };
  }

  @Get()
  @Scope('read')
  @ApiOperation({ summary: 'Lists patterns, newest first.', description: 'Codes: validation_failed (422).' })
  @Answers(200, patternsPage)
  async list(
    @Caller() caller: CallerIdentity,
    @Query({ schema: patternsQuery }) query: z.output<typeof patternsQuery>,
  ) {
    const { business_id, cursor, limit, user_id: userId } = query;
    const found = await this.patterns.list(caller.tenant(business_id), {
      limit: limit + 1,
      ...(userId !== undefined && { userId }),
      ...(cursor !== undefined && { after: cursor }),
    });
    return page(found.map(toView), limit);
  }

  @Get(':id')
  @Scope('read')
  @ApiOperation({ summary: 'Shows a pattern.', description: 'Codes: not_found (404).' })
  @Answers(200, patternView)
  async find(
    @Caller() caller: CallerIdentity,
    @Param({ schema: patternId }) { id }: z.output<typeof patternId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof patternView>> {
    return toView(await this.patterns.find(caller.tenant(query.business_id), id));
  }

  @Delete(':id')
  @HttpCode(204)
  @Scope('write')
  @ApiOperation({
    summary: 'Forgets a pattern, and what it alone called seen, liked or disliked.',
    description: 'Codes: not_found (404).',
  })
  @Answers(204)
  async remove(
    @Caller() caller: CallerIdentity,
    @Param({ schema: patternId }) { id }: z.output<typeof patternId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<void> {
    await this.patterns.remove(caller.tenant(query.business_id), id);
  }
}

function toView({ created_at, ...pattern }: UserPattern): z.output<typeof patternView> {
  return { ...pattern, created_at: created_at.toISOString() };
}
