import { Body, Controller, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { tenantQuery } from '../../http/fields.js';
import { Answers } from '../../http/openapi.js';
import { VectorLimited } from '../../http/rate.limits.js';
import { noProfile, recommendationsRequest, recommendationsResponse } from './recommendations.schemas.js';
import { Recommender } from './recommender.js';

@ApiTags('Recommendations')
@Controller('api/v1/recommendations')
export class RecommendationsController {
  constructor(private readonly recommender: Recommender) {}

  @Post()
  @HttpCode(200)
  @Scope('read')
  @VectorLimited()
  @ApiOperation({
    summary: 'Recommends documents that the user has not seen, and says why each of them.',
    description:
      'By what the profile and the stored patterns say and by what the user liked: by vectors and words, by words while the ' +
      'vectors are away, else what other users liked, then the newest. Nothing is stored. ' +
      'Codes: validation_failed (422), dependency_unavailable (503: without the database nobody knows what was seen).',
  })
  @Answers(200, recommendationsResponse)
  async recommend(
    @Caller() caller: CallerIdentity,
    @Body({ schema: recommendationsRequest }) body: z.output<typeof recommendationsRequest>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof recommendationsResponse>> {
    const { user_id: userId, content_type: contentType, user_profile: profile = noProfile, limit } = body;
    const tenant = caller.tenant(body.business_id, query.business_id);
    return this.recommender.recommend(tenant, { userId, contentType, profile, limit });
  }
}
