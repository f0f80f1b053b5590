import { Body, Controller, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Answers } from '../../http/openapi.js';
import { tenantQuery } from '../../http/fields.js';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Budget } from '../../http/deadline.js';
import { VectorLimited } from '../../http/rate.limits.js';
import { searchRequest, searchResponse } from './search.schemas.js';
import { Search } from './search.service.js';

@ApiTags('Search and answers')
@Controller('api/v1/search')
export class SearchController {
  constructor(private readonly search: Search) {}

  @Post()
  @ApiOperation({ summary: 'Finds passages of the tenant’s documents.' })
  @HttpCode(200)
  @Scope('read')
  @VectorLimited()
  @Budget(5_000)
  @Answers(200, searchResponse)
  async find(
    @Caller() caller: CallerIdentity,
    @Body({ schema: searchRequest }) body: z.output<typeof searchRequest>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof searchResponse>> {
    const startedMs = performance.now();
    const { mode, collection, filter, limit } = body;
    const scope = { businessId: caller.tenant(body.business_id, query.business_id), collection, filter };
    const found = await this.search.find(body.query, mode, scope, limit);
    return { ...found, took_ms: Math.round(performance.now() - startedMs) };
  }
}
