import { applyDecorators, type INestApplication } from '@nestjs/common';
import {
  ApiHeader,
  ApiProduces,
  ApiResponse,
  DocumentBuilder,
  type OpenAPIObject,
  SwaggerModule,
} from '@nestjs/swagger';
import { z } from 'zod';
import { PROBLEMS } from './problem.js';

const problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.enum(Object.keys(PROBLEMS) as [keyof typeof PROBLEMS]),
    detail: z.string(),
    request_id: z.string(),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

/** What a route answers with when all is well; problems are the same for all of them. */
export const Answers = (status: number, schema?: z.ZodType) =>
  applyDecorators(
    ApiResponse({ status, description: 'Done', ...(schema && { standardSchema: schema }) }),
    ApiResponse({ status: '4XX', description: 'The request is at fault', standardSchema: problem }),
    ApiResponse({ status: '5XX', description: 'The service is at fault', standardSchema: problem }),
  );

const openAiError = z
  .strictObject({
    error: z.strictObject({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'OpenAiError' });

/** The same for the routes of OpenAI's API, where errors are as its clients know them. */
export const OpenAiAnswers = (schema: z.ZodType) =>
  applyDecorators(
    ApiResponse({ status: 200, description: 'Done', standardSchema: schema }),
    ApiResponse({ status: '4XX', description: 'The request is at fault', standardSchema: openAiError }),
    ApiResponse({ status: '5XX', description: 'The service is at fault', standardSchema: openAiError }),
  );

/** Beside it, the same as a stream of events where the request says `stream: true`. */
export const Streams = () =>
  applyDecorators(
    ApiHeader({
      name: 'Last-Event-ID',
      required: false,
      description:
        'The id of the last event that arrived of a stream that broke off: the same request goes on behind it',
    }),
    ApiProduces('application/json', 'text/event-stream'),
  );

export function describeApi(app: INestApplication, version: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Mainstay')
    .setDescription('The AI backend that stays up: documents in; search and cited answers out.')
    .setVersion(version)
    .addBearerAuth()
    .build();
  return SwaggerModule.createDocument(app, config);
}

/** The page at /api/docs and the document at /api/openapi.json. */
export function serveApiPage(app: INestApplication, document: OpenAPIObject): void {
  SwaggerModule.setup('api/docs', app, document, { jsonDocumentUrl: 'api/openapi.json' });
}
