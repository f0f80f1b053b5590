import { type DynamicModule, Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import type { IncomingMessage, ServerResponse } from 'node:http';
import pretty from 'pino-pretty';
import { ServiceLogger } from './service.logger.js';
import type { Settings } from '../config/settings.js';

// What no log line may hold, wherever it stands in it.
const SECRETS = [
  'req.headers.authorization',
  'req.headers.cookie',
  'req.headers["x-api-key"]',
  '*.password',
  '*.apiKey',
];
const QUIET = /^\/(health|api\/v1\/health|api\/docs|api\/openapi\.json)/;

/** The log: to standard output, synchronously, so that the last line before a crash is not lost. */
@Module({})
export class TelemetryModule {
  static with(settings: Pick<Settings, 'LOG_LEVEL' | 'LOG_FORMAT'>): DynamicModule {
    return {
      module: TelemetryModule,
      providers: [ServiceLogger],
      exports: [ServiceLogger],
      imports: [
        LoggerModule.forRoot({
          pinoHttp: {
            level: settings.LOG_LEVEL,
            redact: SECRETS,
            genReqId: (request) => request.id,
            autoLogging: { ignore: (request) => QUIET.test(request.url ?? '') },
            customLogLevel: (_request, response, error) =>
              error !== undefined || response.statusCode >= 500 ? 'error' : 'info',
            serializers: { req: requestFacts, res: responseFacts },
            ...(settings.LOG_FORMAT === 'console' && {
              stream: pretty({ sync: true, singleLine: true, ignore: 'pid,hostname,req,res,responseTime' }),
            }),
          },
        }),
      ],
    };
  }
}

/** The path without its query, which may hold anything. */
function requestFacts(request: IncomingMessage & { id: unknown }) {
  return { id: request.id, method: request.method, path: request.url?.split('?')[0] };
}

function responseFacts(response: ServerResponse) {
  return { status: response.statusCode };
}
