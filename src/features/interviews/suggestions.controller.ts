import { Body, Controller, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Budget } from '../../http/deadline.js';
import { tenantQuery } from '../../http/fields.js';
import { Answers } from '../../http/openapi.js';
import { VectorLimited } from '../../http/rate.limits.js';
import { suggestionsRequest, suggestionsResponse } from './interviews.schemas.js';
import { Suggester, type SuggestionRequest } from './suggester.js';

@ApiTags('Questions')
@Controller('api/v1/questions/suggestions')
export class SuggestionsController {
  constructor(private readonly suggester: Suggester) {}

  // It stores the description, and the questions that a model writes.
  @Post()
  @HttpCode(200)
  @Scope('write')
  @VectorLimited()
  @Budget(30_000)
  @ApiOperation({
    summary: 'Suggests questions for a job, for its role and of the difficulty asked for.',
    description:
      'Stored questions come first: by vectors and words, by words while the vectors are away, else the popular ones. Where ' +
      'there are fewer than count and a model is there, it writes more, which are stored and marked as generated. ' +
      'Codes: validation_failed (422), not_found (404, for job_id), dependency_unavailable (503, only with the database away ' +
      'and an index that cannot answer alone).',
  })
  @Answers(200, suggestionsResponse)
  async suggest(
    @Caller() caller: CallerIdentity,
    @Body({ schema: suggestionsRequest }) body: z.output<typeof suggestionsRequest>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof suggestionsResponse>> {
    const { difficulty, count } = body;
    const tenant = caller.tenant(body.business_id, query.business_id);
    return this.suggester.suggest(tenant, { job: jobOf(body), difficulty, count });
  }
}

function jobOf({
  job_id: id,
  job_description: description,
  role,
}: z.output<typeof suggestionsRequest>): SuggestionRequest['job'] {
  // The schema has seen to it that the others are there.
  return id === undefined ? { description: description!, role: role! } : { id, role };
}
