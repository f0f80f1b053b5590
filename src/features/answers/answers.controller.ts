import { Body, Controller, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Budget } from '../../http/deadline.js';
import { EventStreams } from '../../http/event-streams.js';
import { VectorLimited } from '../../http/rate.limits.js';
import { tenantQuery } from '../../http/fields.js';
import { Answers, Streams } from '../../http/openapi.js';
import { answerRequest, answerResponse } from './answers.schemas.js';
import { Answerer } from './answers.service.js';

@ApiTags('Search and answers')
@Controller('api/v1/answers')
export class AnswersController {
  constructor(
    private readonly answerer: Answerer,
    private readonly streams: EventStreams,
  ) {}

  @Post()
  @ApiOperation({
    summary:
      'Answers a question from the tenant’s documents, and from the web where asked to, with citations.',
    description:
      'With `stream: true` the answer comes as events while it is written; the last one holds everything but its words, and their hash.',
  })
  @HttpCode(200)
  @Scope('read')
  @VectorLimited()
  @Budget(30_000)
  @Answers(200, answerResponse)
  @Streams()
  async answer(
    @Caller() caller: CallerIdentity,
    @Body({ schema: answerRequest }) body: z.output<typeof answerRequest>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { question, collection, filter, limit, web, max_age_s: maxAgeS } = body;
    const tenant = caller.tenant(body.business_id, query.business_id);
    const asked = { question, scope: { businessId: tenant, collection, filter }, limit, web, maxAgeS };
    if (body.stream) {
      await this.streams.send(request, reply, {
        tenant,
        asked: body,
        write: (draft) => this.answerer.stream(asked, draft),
      });
      return;
    }
    const answer = await this.answerer.answer(asked);
    void reply.header('X-Answer-Level', answer.answer_level).send(answer);
  }
}
