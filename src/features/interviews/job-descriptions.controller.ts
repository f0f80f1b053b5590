import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Important } from '../../http/load.guard.js';
import { tenantQuery } from '../../http/fields.js';
import { IdempotencyKey } from '../../http/idempotency.js';
import { Answers } from '../../http/openapi.js';
import { byId, jobAccepted, jobDescriptionView, newJobDescription } from './interviews.schemas.js';
import { JobDescriptions } from './job-descriptions.service.js';

@ApiTags('Questions')
@Controller('api/v1/job-descriptions')
export class JobDescriptionsController {
  constructor(private readonly jobs: JobDescriptions) {}

  @Post()
  @Important('ingest')
  @HttpCode(201)
  @Scope('write')
  @ApiOperation({
    summary: 'Stores a job description, for which questions can then be suggested by its id.',
    description:
      'Codes: validation_failed, idempotency_mismatch (422), conflict (409), dependency_unavailable (503).',
  })
  @Answers(201, jobAccepted)
  async accept(
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() key: string | undefined,
    @Body({ schema: newJobDescription }) body: z.output<typeof newJobDescription>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof jobAccepted>> {
    const { role, job_description: description, metadata } = body;
    const tenant = caller.tenant(body.business_id, query.business_id);
    return { job_id: await this.jobs.accept(tenant, { role, description, metadata }, key) };
  }

  @Get(':id')
  @Scope('read')
  @ApiOperation({ summary: 'Shows a job description.', description: 'Codes: not_found (404).' })
  @Answers(200, jobDescriptionView)
  async find(
    @Caller() caller: CallerIdentity,
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof jobDescriptionView>> {
    const job = await this.jobs.find(caller.tenant(query.business_id), id);
    return {
      job_id: job.id,
      job_description: job.description,
      role: job.role,
      metadata: job.metadata,
      created_at: job.created_at.toISOString(),
    };
  }

  @Delete(':id')
  @HttpCode(204)
  @Scope('write')
  @ApiOperation({
    summary: 'Removes a job description, and what was counted of the questions that were suggested for it.',
    description: 'Codes: not_found (404).',
  })
  @Answers(204)
  async remove(
    @Caller() caller: CallerIdentity,
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<void> {
    await this.jobs.remove(caller.tenant(query.business_id), id);
  }
}
