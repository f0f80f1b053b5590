import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Budget } from '../../http/deadline.js';
import { EventStreams } from '../../http/event-streams.js';
import { page, tenantQuery } from '../../http/fields.js';
import { IdempotencyKey } from '../../http/idempotency.js';
import { Answers, Streams } from '../../http/openapi.js';
import { VectorLimited } from '../../http/rate.limits.js';
import {
  messages,
  messagesQuery,
  newMessage,
  newSession,
  reply as replySchema,
  session,
  sessionCreated,
  sessionId,
} from './chat.schemas.js';
import { Chat } from './chat.service.js';
import { viewOf } from './escalations.controller.js';

type TenantQuery = z.output<typeof tenantQuery>;

@ApiTags('Chat')
@Controller('api/v1/chat/sessions')
export class ChatController {
  constructor(
    private readonly chat: Chat,
    private readonly streams: EventStreams,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Opens a conversation.', description: 'Any replica can go on with it.' })
  @HttpCode(201)
  @Scope('write')
  @Answers(201, sessionCreated)
  async open(
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() key: string | undefined,
    @Body({ schema: newSession }) body: z.output<typeof newSession>,
    @Query({ schema: tenantQuery }) query: TenantQuery,
  ): Promise<z.output<typeof sessionCreated>> {
    const tenant = caller.tenant(body.business_id, query.business_id);
    const about = { userId: body.user_id, metadata: body.metadata };
    return { session_id: await this.chat.open(tenant, about, key) };
  }

  @Get(':id')
  @ApiOperation({ summary: 'A conversation, how much was said in it, and whether it waits for a person.' })
  @Scope('read')
  @Answers(200, session)
  async find(
    @Caller() caller: CallerIdentity,
    @Param({ schema: sessionId }) { id }: z.output<typeof sessionId>,
    @Query({ schema: tenantQuery }) query: TenantQuery,
  ): Promise<z.output<typeof session>> {
    const { session: found, escalation } = await this.chat.find(caller.tenant(query.business_id), id);
    const { id: session_id, created_at, ...rest } = found;
    return {
      session_id,
      ...rest,
      escalation: escalation === undefined ? null : viewOf(escalation),
      created_at: created_at.toISOString(),
    };
  }

  @Get(':id/messages')
  @ApiOperation({ summary: 'What was said, oldest first.' })
  @Scope('read')
  @Answers(200, messages)
  async messages(
    @Caller() caller: CallerIdentity,
    @Param({ schema: sessionId }) { id }: z.output<typeof sessionId>,
    @Query({ schema: messagesQuery }) query: z.output<typeof messagesQuery>,
  ): Promise<z.output<typeof messages>> {
    const tenant = caller.tenant(query.business_id);
    const found = await this.chat.messages(tenant, id, query.cursor, query.limit + 1);
    const { data, next_cursor } = page(found, query.limit);
    return {
      data: data.map(({ id: message_id, created_at, ...rest }) => ({
        message_id,
        ...rest,
        created_at: created_at.toISOString(),
      })),
      next_cursor,
    };
  }

  @Post(':id/messages')
  @ApiOperation({
    summary:
      'Says something, and is answered from the tenant’s documents; or passed on to a person, and why is said.',
  })
  @HttpCode(200)
  @Scope('write')
  @VectorLimited()
  @Budget(30_000)
  @Answers(200, replySchema)
  @Streams()
  async say(
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() key: string | undefined,
    @Param({ schema: sessionId }) { id }: z.output<typeof sessionId>,
    @Body({ schema: newMessage }) body: z.output<typeof newMessage>,
    @Query({ schema: tenantQuery }) query: TenantQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const tenant = caller.tenant(body.business_id, query.business_id);
    if (body.stream) {
      const write = (draft: { text: string }) => this.chat.stream(tenant, id, body.content, draft, key);
      await this.streams.send(request, reply, { tenant, asked: [id, body], write });
      return;
    }
    const answer = await this.chat.say(tenant, id, body.content, key);
    void reply.header('X-Answer-Level', answer.answer_level).send(answer);
  }
}
