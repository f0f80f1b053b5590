import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Important } from '../../http/load.guard.js';
import { Budget } from '../../http/deadline.js';
import { EventStreams } from '../../http/event-streams.js';
import { tenantQuery } from '../../http/fields.js';
import { IdempotencyKey } from '../../http/idempotency.js';
import { Answers, Streams } from '../../http/openapi.js';
import { VectorLimited } from '../../http/rate.limits.js';
import { Feedback } from './feedback.service.js';
import {
  business,
  feedbackRequest,
  feedbackResponse,
  generateRequest,
  generation,
  generationId,
  learningStats,
  statsQuery,
  storedGeneration,
} from './generation.schemas.js';
import { Generator, viewOf } from './generation.service.js';

type TenantQuery = z.output<typeof tenantQuery>;

@ApiTags('Generation and learning')
@Controller(['api/v1', 'api'])
export class GenerationController {
  constructor(
    private readonly generator: Generator,
    private readonly feedback: Feedback,
    private readonly streams: EventStreams,
  ) {}

  @Post('generate')
  @Important('generate')
  @ApiOperation({
    summary: 'Writes content from the tenant’s documents, in a voice, and as earlier feedback would have it.',
  })
  @HttpCode(200)
  @Scope('write')
  @VectorLimited()
  @Budget(30_000)
  @Answers(200, generation)
  @Streams()
  async generate(
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() key: string | undefined,
    @Body({ schema: generateRequest }) body: z.output<typeof generateRequest>,
    @Query({ schema: tenantQuery }) query: TenantQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const tenant = caller.tenant(body.business_id, query.business_id);
    const order = { topic: body.topic, contentType: body.format, voice: body.voice };
    if (body.stream) {
      const write = (draft: { text: string }) => this.generator.stream(tenant, order, draft, key);
      await this.streams.send(request, reply, { tenant, asked: body, write });
      return;
    }
    const generated = await this.generator.generate(tenant, order, key);
    void reply.header('X-Answer-Level', generated.answer_level).send(generated);
  }

  @Get('generations/:id')
  @ApiOperation({ summary: 'A generation as it was answered with, and what had been asked for.' })
  @Scope('read')
  @Answers(200, storedGeneration)
  async find(
    @Caller() caller: CallerIdentity,
    @Param({ schema: generationId }) { id }: z.output<typeof generationId>,
    @Query({ schema: tenantQuery }) query: TenantQuery,
  ): Promise<z.output<typeof storedGeneration>> {
    const found = await this.generator.find(caller.tenant(query.business_id), id);
    const { topic, voice, content_type: format, created_at } = found;
    return { ...viewOf(found), topic, format, voice, created_at: created_at.toISOString() };
  }

  @Post('feedback')
  @Important('feedback')
  @ApiOperation({
    summary: 'What people think of a generation.',
    description: 'A second one takes the place of the first.',
  })
  @HttpCode(201)
  @Scope('write')
  @Answers(201, feedbackResponse)
  async give(
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() key: string | undefined,
    @Body({ schema: feedbackRequest }) body: z.output<typeof feedbackRequest>,
    @Query({ schema: tenantQuery }) query: TenantQuery,
  ): Promise<z.output<typeof feedbackResponse>> {
    const judgement = {
      approved: body.human_approved,
      score: body.human_score,
      comment: body.human_feedback,
    };
    const tenant = caller.tenant(body.business_id, query.business_id);
    return { feedback_id: await this.feedback.give(tenant, body.generation_id, judgement, key) };
  }

  @Get('learning/stats/:business_id')
  @ApiOperation({
    summary:
      'What feedback has changed: how much was approved, the scores with their confidence interval and trend.',
  })
  @Scope('read')
  @Answers(200, learningStats)
  async stats(
    @Caller() caller: CallerIdentity,
    @Param({ schema: business }) { business_id }: z.output<typeof business>,
    @Query({ schema: statsQuery }) query: z.output<typeof statsQuery>,
  ): Promise<z.output<typeof learningStats>> {
    return this.feedback.stats(caller.tenant(business_id), query.content_type);
  }
}
