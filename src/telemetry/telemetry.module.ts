import {
  type DynamicModule,
  Global,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import pretty from 'pino-pretty';
import { VERSION } from '../config/identity.js';
import { Settings } from '../config/settings.js';
import { Metrics } from './metrics.js';
import { RequestContext } from './request.context.js';
import { RequestLog } from './request.log.js';
import { ServiceLogger } from './service.logger.js';
import { startTracing, stopTracing } from './tracing.js';
import { Traffic } from './traffic.js';
import { Vitals } from './vitals.js';

// What no log line may hold, wherever it stands in it.
const SECRETS = ['*.headers.authorization', '*.headers.cookie', '*.password', '*.apiKey', '*.parameters'];

/** The log: to standard output, synchronously, so that the last line before a crash is not lost. Metrics and traces. */
@Global()
@Module({
  providers: [
    ServiceLogger,
    RequestLog,
    {
      provide: Metrics,
      inject: [Settings],
      useFactory: ({ PROMETHEUS_ENABLED: enabled }: Settings) => new Metrics(enabled),
    },
    Traffic,
    Vitals,
  ],
  exports: [ServiceLogger, RequestLog, Metrics, Traffic, Vitals],
})
export class TelemetryModule implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly settings: Settings) {}

  static with(settings: Pick<Settings, 'LOG_LEVEL' | 'LOG_FORMAT'>): DynamicModule {
    return {
      module: TelemetryModule,
      imports: [
        LoggerModule.forRoot({
          // Its middleware is not reached on Fastify: requests are logged by http/request.hooks.ts.
          forRoutes: [],
          pinoHttp: {
            level: settings.LOG_LEVEL,
            redact: SECRETS,
            mixin: ofRequest,
            ...(settings.LOG_FORMAT === 'console' && {
              stream: pretty({ sync: true, singleLine: true, ignore: 'pid,hostname,request_id,trace_id' }),
            }),
          },
        }),
      ],
    };
  }

  async onModuleInit(): Promise<void> {
    const { settings } = this;
    if (settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return;
    await startTracing({
      endpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
      headers: headersIn(settings.OTEL_EXPORTER_OTLP_HEADERS),
      service: settings.OTEL_SERVICE_NAME,
      version: VERSION,
      environment: settings.ENVIRONMENT,
      ratio: settings.OTEL_TRACES_SAMPLER_ARG,
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await stopTracing();
  }
}

/** On each line that is written for a request: by these it is found, here and in traces. */
function ofRequest() {
  const request = RequestContext.current();
  return request === undefined ? {} : { request_id: request.requestId, trace_id: request.trace.traceId };
}

function headersIn(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}
