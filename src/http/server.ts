import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import multipart from '@fastify/multipart';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Settings } from '../config/settings.js';
import { PROBLEMS, toAppError, toProblem } from './problem.js';

const REQUEST_ID = /^[\w.:-]{1,128}$/;
// A document as JSON with all but ASCII escaped, as Python writes it: six bytes for a character that has two in UTF-8.
const JSON_OVERHEAD = 3;
// Receiving a whole request: a document of 10 MB over a slow line, but not for ever (Fastify itself sets no limit).
const REQUEST_TIMEOUT_MS = 60_000;
const DOCUMENTS = '/api/v1/documents';

/** The HTTP server, before Nest: what must hold for every request whatever route it is for. */
export async function newServer(settings: Settings): Promise<FastifyAdapter> {
  const adapter = new FastifyAdapter({
    genReqId: (request: IncomingMessage) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    bodyLimit: settings.REQUEST_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // What Fastify refuses before it looks for a route: a path that cannot be decoded, or that is too long.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const shown = toAppError(error);
      void reply
        .header('X-Request-Id', request.id)
        .status(PROBLEMS[shown.code].status)
        .type('application/problem+json')
        .send(toProblem(shown, request.id));
    },
    // /health and /health/ are two things, and Nest takes the slash off every path that it declares.
    rewriteUrl: (request: IncomingMessage) =>
      (request.url ?? '/').replace(/^\/health\/(?=\?|$)/, '/health/detailed'),
  });
  const fastify = adapter.getInstance();
  fastify.removeContentTypeParser('text/plain');
  fastify.addHook('onRoute', (route) => {
    if (route.url === DOCUMENTS && route.method === 'POST') {
      route.bodyLimit = JSON_OVERHEAD * settings.DOCUMENT_BYTES_MAX + settings.REQUEST_BYTES_MAX;
    }
  });
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.header('X-Request-Id', request.id);
  });
  await fastify.register(multipart as never, {
    limits: {
      files: 1,
      fields: 20,
      fieldSize: settings.REQUEST_BYTES_MAX,
      fileSize: settings.DOCUMENT_BYTES_MAX,
    },
  });
  return adapter;
}
