import { Body, Controller, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Budget } from '../../http/deadline.js';
import { VectorLimited } from '../../http/rate.limits.js';
import { Answers } from '../../http/openapi.js';
import { tenantQuery } from '../../http/fields.js';
import { type Answer, answerRequest, answerResponse } from './answers.schemas.js';
import { Answerer } from './answers.service.js';

@ApiTags('Search and answers')
@Controller('api/v1/answers')
export class AnswersController {
  constructor(private readonly answerer: Answerer) {}

  /** Answers a question from the tenant's documents, and from the web where asked to, with citations. */
  @Post()
  @HttpCode(200)
  @Scope('read')
  @VectorLimited()
  @Budget(30_000)
  @Answers(200, answerResponse)
  async answer(
    @Caller() caller: CallerIdentity,
    @Body({ schema: answerRequest }) body: z.output<typeof answerRequest>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer> {
    const { question, collection, filter, limit, web } = body;
    const scope = { businessId: caller.tenant(body.business_id, query.business_id), collection, filter };
    const answer = await this.answerer.answer(question, scope, limit, web);
    void reply.header('X-Answer-Level', answer.answer_level);
    return answer;
  }
}
