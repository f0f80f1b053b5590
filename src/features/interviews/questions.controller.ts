import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Important } from '../../http/load.guard.js';
import { Budget } from '../../http/deadline.js';
import { page, tenantQuery } from '../../http/fields.js';
import { IdempotencyKey } from '../../http/idempotency.js';
import { Answers } from '../../http/openapi.js';
import type { OneOrMany } from '../../http/one-or-many.js';
import {
  byId,
  newQuestion,
  newQuestions,
  questionsAccepted,
  questionsPage,
  questionsQuery,
  questionView,
} from './interviews.schemas.js';
import type { QuestionRecord } from './questions.repository.js';
import { Questions } from './questions.service.js';

// A hundred of them are committed together, which takes a while on the embedded engine.
const INTAKE_BUDGET_MS = 60_000;

@ApiTags('Questions')
@Controller('api/v1/questions')
export class QuestionsController {
  constructor(private readonly questions: Questions) {}

  @Post()
  @Important('ingest')
  @HttpCode(201)
  @Scope('write')
  @Budget(INTAKE_BUDGET_MS)
  @ApiOperation({
    summary: 'Stores a question, or a list of up to 100 of them: all or none.',
    description:
      'Codes: validation_failed, idempotency_mismatch (422), conflict (409), dependency_unavailable (503).',
  })
  @Answers(201, questionsAccepted)
  async accept(
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() key: string | undefined,
    @Body({ schema: newQuestions }) body: OneOrMany<z.output<typeof newQuestion>>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof questionsAccepted>> {
    const sent = [body].flat();
    const tenant = caller.tenant(...sent.map((question) => question.business_id), query.business_id);
    const questions = sent.map(({ business_id: _tenant, ...question }) => question);
    const ids = await this.questions.accept(tenant, questions, key);
    return {
      question_ids: ids,
      ...(ids.length === 1 && { question_id: ids[0]! }),
      total_questions: ids.length,
    };
  }

  @Get()
  @Scope('read')
  @ApiOperation({
    summary: 'Lists the questions, newest first.',
    description: 'Codes: validation_failed (422).',
  })
  @Answers(200, questionsPage)
  async list(
    @Caller() caller: CallerIdentity,
    @Query({ schema: questionsQuery }) query: z.output<typeof questionsQuery>,
  ) {
    const { business_id, cursor, limit, ...where } = query;
    const found = await this.questions.list(caller.tenant(business_id), {
      ...where,
      limit: limit + 1,
      ...(cursor !== undefined && { after: cursor }),
    });
    return page(found.map(toView), limit);
  }

  @Get(':id')
  @Scope('read')
  @ApiOperation({ summary: 'Shows a question.', description: 'Codes: not_found (404).' })
  @Answers(200, questionView)
  async find(
    @Caller() caller: CallerIdentity,
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof questionView>> {
    return toView(await this.questions.find(caller.tenant(query.business_id), id));
  }

  @Delete(':id')
  @HttpCode(204)
  @Scope('write')
  @ApiOperation({
    summary: 'Removes a question: from then on it is suggested no more.',
    description: 'Codes: not_found (404).',
  })
  @Answers(204)
  async remove(
    @Caller() caller: CallerIdentity,
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<void> {
    await this.questions.remove(caller.tenant(query.business_id), id);
  }
}

function toView({ created_at, ...question }: QuestionRecord): z.output<typeof questionView> {
  return { ...question, created_at: created_at.toISOString() };
}
