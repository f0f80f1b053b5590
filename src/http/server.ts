import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import multipart from '@fastify/multipart';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Settings } from '../config/settings.js';
import { answerClientError } from './client.errors.js';
import { errorAnswer } from './error.formats.js';
import { limitJsonDepth } from './json.depth.js';
import { toAppError } from './problem.js';
import { secure, secureAnswers } from './security.headers.js';

const REQUEST_ID = /^[\w.:-]{1,128}$/;
// A document as JSON with all but ASCII escaped, as Python writes it: six bytes for a character that has two in UTF-8.
const JSON_OVERHEAD = 3;
// Of the time for a whole request: its head is a packet or two, and who sends it in drops holds a connection for nothing.
const HEAD_TIMEOUT_MS = 10_000;
// How often it is looked for requests that take too long. Node's own 30 s would let each take so much longer.
const LOOK_EVERY_MS = 5_000;
// A connection on which nothing at all moves: twice as long as the longest route may think.
const SILENCE_MAX_MS = 120_000;
/** The one route that takes what is larger than REQUEST_BYTES_MAX. */
export const DOCUMENTS = '/api/v1/documents';

/** The HTTP server, before Nest: what must hold for every request whatever route it is for. */
export async function newServer(settings: Settings): Promise<FastifyAdapter> {
  const receiveMs = settings.REQUEST_RECEIVE_TIMEOUT_MS;
  const adapter = new FastifyAdapter({
    genReqId: (request: IncomingMessage) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    bodyLimit: settings.REQUEST_BYTES_MAX,
    requestTimeout: receiveMs,
    connectionTimeout: SILENCE_MAX_MS,
    http: {
      maxHeaderSize: settings.REQUEST_HEADER_BYTES_MAX,
      headersTimeout: Math.min(HEAD_TIMEOUT_MS, receiveMs),
      connectionsCheckingInterval: Math.min(LOOK_EVERY_MS, receiveMs),
    },
    clientErrorHandler: answerClientError(settings),
    trustProxy: settings.TRUST_PROXY ?? false,
    // What Fastify refuses before it looks for a route: a path that cannot be decoded, or that is too long.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const { status, contentType, body } = errorAnswer(request.url, toAppError(error), request.id);
      secure(request, reply);
      void reply.header('X-Request-Id', request.id).status(status).type(contentType).send(body);
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
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  secureAnswers(fastify);
  limitJsonDepth(fastify);
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
