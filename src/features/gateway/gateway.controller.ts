import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { ByteStreams } from '../../http/byte-streams.js';
import { Budget } from '../../http/deadline.js';
import { tenantQuery } from '../../http/fields.js';
import { ByModelsAlone } from '../../http/load.guard.js';
import { OpenAiAnswers } from '../../http/openapi.js';
import { RelayRefused } from '../../platform/llm/relay.js';
import {
  chatRequest,
  chatResponse,
  embeddingRequest,
  embeddingResponse,
  modelResponse,
  modelsResponse,
} from './gateway.schemas.js';
import { Gateway } from './gateway.service.js';

const modelPath = z.strictObject({ model: z.string() });

@ApiTags('OpenAI-compatible')
@Controller('v1')
@ByModelsAlone()
export class GatewayController {
  constructor(
    private readonly gateway: Gateway,
    private readonly streams: ByteStreams,
  ) {}

  @Get('models')
  @ApiOperation({ summary: 'The models that can be named, and `mainstay`: whichever of them can.' })
  @Scope('read')
  @OpenAiAnswers(modelsResponse)
  models() {
    return { object: 'list', data: this.gateway.models() };
  }

  @Get('models/:model')
  @ApiOperation({ summary: 'One of the models.' })
  @Scope('read')
  @OpenAiAnswers(modelResponse)
  model(@Param({ schema: modelPath }) { model }: z.output<typeof modelPath>) {
    return this.gateway.model(model);
  }

  @Post('chat/completions')
  @ApiOperation({
    summary: 'OpenAI’s chat completion, by the first provider that can.',
    description:
      'Fields that this service does not know are passed on, and so is the answer. A stream that breaks off ends with an event that holds an `error`, and never with `[DONE]`. One that has nothing to say for STREAM_HEARTBEAT_MS says so in a comment; where that is before its first word, its head comes without `X-Answer-Level`, and what goes wrong from then on is told by an event.',
  })
  @HttpCode(200)
  @Scope('read')
  @Budget(60_000)
  @OpenAiAnswers(chatResponse)
  @ApiProduces('application/json', 'text/event-stream')
  async chat(
    @Caller() caller: CallerIdentity,
    @Body({ schema: chatRequest }) body: z.output<typeof chatRequest>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const tenant = caller.tenant(body.business_id, query.business_id);
    await answered(reply, async () => {
      if (body.stream !== true) {
        const answer = await this.gateway.chat(tenant, body);
        return void reply.headers(headersOf(answer)).type('application/json').send(answer.body);
      }
      const open = async () => {
        const stream = await this.gateway.chatStream(tenant, body);
        return { headers: headersOf(stream), events: stream.events };
      };
      await this.streams.send(request, reply, tenant, { open, wordsFor });
    });
  }

  @Post('embeddings')
  @ApiOperation({ summary: 'OpenAI’s embeddings, by the first provider of the model that can.' })
  @HttpCode(200)
  @Scope('read')
  @Budget(60_000)
  @OpenAiAnswers(embeddingResponse)
  async embeddings(
    @Caller() caller: CallerIdentity,
    @Body({ schema: embeddingRequest }) body: z.output<typeof embeddingRequest>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { business_id: businessId, ...asked } = body;
    caller.tenant(businessId, query.business_id);
    await answered(reply, async () => {
      const answer = await this.gateway.embeddings(asked);
      void reply.headers(headersOf(answer)).type('application/json').send(answer.body);
    });
  }
}

function headersOf({ level, retrieval }: { level: string; retrieval?: string | undefined }) {
  return { 'x-answer-level': level, ...(retrieval !== undefined && { 'x-retrieval': retrieval }) };
}

/** What a provider refused, the client hears in the provider's own words. */
async function answered(reply: FastifyReply, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof RelayRefused)) throw error;
    void reply.status(error.status).type('application/json').send(error.body);
  }
}

function wordsFor(error: unknown): string | undefined {
  return error instanceof RelayRefused ? oneLine(error.body) : undefined;
}

/** An event has its data in one line. */
function oneLine(json: string): string {
  return JSON.stringify(JSON.parse(json));
}
