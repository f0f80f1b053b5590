import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { events } from '../telemetry/events.js';
import { Traffic } from '../telemetry/traffic.js';
import { abandonWork } from './deadline.js';
import { errorAnswer } from './error.formats.js';
import { toAppError } from './problem.js';

/** Answers every error in the form that the route's clients know (error.formats.ts), and logs those that are ours. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  constructor(private readonly traffic: Traffic) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const shown = toAppError(error);
    const { status, contentType, body } = errorAnswer(request.url, shown, request.id);
    const facts = { event: events.requestFailed, code: shown.code, request_id: request.id };
    if (shown.code === 'internal')
      this.logger.error({ ...facts, err: error }, `${request.method} ${request.url} failed`);
    // A dependency that is away is reported once, when it goes; a line a request would only hide that one.
    else if (status >= 500 && !reply.sent) this.logger.debug({ ...facts, err: error }, shown.message);
    abandonWork(request, error);
    // The deadline was quicker, and has told it; or it is a stream, which a second head would only break off.
    if (reply.sent || reply.raw.headersSent) return;
    this.traffic.failed(shown.code);
    if (shown.retryAfterMs !== undefined)
      void reply.header('Retry-After', Math.ceil(shown.retryAfterMs / 1_000));
    if (shown.code === 'unauthorized') void reply.header('WWW-Authenticate', challengeTo(request));
    void reply.status(status).type(contentType).send(body);
  }
}

/** How to come again: a browser asks its user for a password, and all others know what a bearer token is. */
function challengeTo(request: FastifyRequest): string {
  const browser = request.headers.accept?.includes('text/html') === true;
  return browser ? 'Basic realm="operators: any name, and the operator token", charset="UTF-8"' : 'Bearer';
}
