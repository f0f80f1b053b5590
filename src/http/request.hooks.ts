import type { INestApplicationContext } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Settings } from '../config/settings.js';
import { Metrics } from '../telemetry/metrics.js';
import { RequestContext } from '../telemetry/request.context.js';
import { RequestLog } from '../telemetry/request.log.js';
import { endRequest, type Span, startRequest } from '../telemetry/tracing.js';
import { Traffic } from '../telemetry/traffic.js';

interface Watched extends FastifyRequest {
  watched?: { context: RequestContext; span: Span | undefined; startedMs: number };
}

/** What is not a route of ours is one to the metrics, whatever its path says. */
const NOWHERE = 'none';
// What nginx calls a request whose client left before it had its answer, or all of it.
const LEFT = 499;
// Probes come all the time, and the page of the API is no use of it.
const QUIET = /^\/(health|api\/v1\/health|api\/docs|api\/openapi\.json)/;

/** Times, counts and traces every request, and gives what is done for it a context by which the log knows it. */
export function watchRequests(fastify: FastifyInstance, app: INestApplicationContext): void {
  const [metrics, traffic, log] = [app.get(Metrics), app.get(Traffic), app.get(RequestLog)];
  const { SERVER_TIMING: timing } = app.get(Settings);

  fastify.decorateRequest('watched', undefined);
  fastify.addHook('onRequest', (request: Watched, reply, done) => {
    const { trace, span } = startRequest(request.method, request.headers.traceparent);
    const context = new RequestContext(request.id, trace);
    request.watched = { context, span, startedMs: performance.now() };
    traffic.began();
    // Fastify's own hook knows only answers that were sent to their end.
    reply.raw.on('close', () => ended(request, reply));
    context.run(done);
  });
  // The events by which a body arrives are the connection's, and know nothing of the request.
  fastify.addHook('preValidation', (request: Watched, _reply, done) => {
    request.watched!.context.run(done);
  });
  if (timing) {
    fastify.addHook('onSend', (request: Watched, reply, _payload, done) => {
      if (request.watched !== undefined)
        void reply.header('server-timing', request.watched.context.timings.header());
      done();
    });
  }
  const ended = (request: Watched, reply: FastifyReply) => {
    const { context, span, startedMs } = request.watched!;
    const status = reply.raw.writableFinished ? reply.statusCode : LEFT;
    const tookMs = performance.now() - startedMs;
    const { method } = request;
    const route = request.routeOptions.url ?? NOWHERE;
    traffic.ended(tookMs);
    metrics.count('requests', { method, route, status: String(status) });
    metrics.observe('requestSeconds', tookMs / 1_000, { method, route });
    if (span !== undefined) endRequest(span, method, route, status);
    if (!QUIET.test(route)) context.run(() => say(log, request, status, route, tookMs));
  };
}

/**
 * One line a request, whatever became of it: what is wrong is said once by who found it out, and not by everybody who met it.
 * The path goes without the query, which may hold anything.
 */
function say(log: RequestLog, request: FastifyRequest, status: number, route: string, tookMs: number): void {
  const { method, url } = request;
  const path = url.split('?', 1)[0]!;
  const took_ms = Math.round(tookMs * 10) / 10;
  log.answered({ method, path, route, status, took_ms });
}
