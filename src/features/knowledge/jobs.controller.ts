import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { page, tenantQuery } from '../../http/fields.js';
import { Answers } from '../../http/openapi.js';
import type { JobView } from '../../platform/jobs/jobs.js';
import { documentId, jobQuery, jobView } from './document.schemas.js';
import { IngestionJobs } from './ingestion.jobs.js';

@ApiTags('Knowledge')
@Controller('api/v1/jobs')
export class JobsController {
  constructor(private readonly jobs: IngestionJobs) {}

  @Get()
  @ApiOperation({ summary: 'Lists the background jobs, newest first.' })
  @Scope('read')
  @Answers(200, z.strictObject({ data: z.array(jobView), next_cursor: z.string().nullable() }))
  async list(
    @Caller() caller: CallerIdentity,
    @Query({ schema: jobQuery }) query: z.output<typeof jobQuery>,
  ) {
    const found = await this.jobs.list(caller.tenant(query.business_id), {
      limit: query.limit + 1,
      ...(query.cursor !== undefined && { after: query.cursor }),
      ...(query.status !== undefined && { status: query.status }),
      ...(query.stuck !== undefined && { stuck: query.stuck }),
    });
    return page(found.map(toView), query.limit);
  }

  @Get(':id')
  @ApiOperation({ summary: 'A background job, how often it was tried, and what went wrong last.' })
  @Scope('read')
  @Answers(200, jobView)
  async find(
    @Caller() caller: CallerIdentity,
    @Param({ schema: documentId }) { id }: z.output<typeof documentId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof jobView>> {
    return toView(await this.jobs.find(caller.tenant(query.business_id), id));
  }

  @Post(':id/cancel')
  @ApiOperation({
    summary: 'Takes a job back that has not ended.',
    description: 'Its document is then failed, and can be retried.',
  })
  @HttpCode(200)
  @Scope('write')
  @Answers(200, jobView)
  async cancel(
    @Caller() caller: CallerIdentity,
    @Param({ schema: documentId }) { id }: z.output<typeof documentId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof jobView>> {
    return toView(await this.jobs.cancel(caller.tenant(query.business_id), id));
  }
}

function toView({ created_at, started_at, finished_at, ...rest }: JobView): z.output<typeof jobView> {
  return {
    ...rest,
    created_at: created_at.toISOString(),
    started_at: started_at?.toISOString() ?? null,
    finished_at: finished_at?.toISOString() ?? null,
  };
}
