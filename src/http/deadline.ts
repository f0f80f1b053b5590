import type { INestApplicationContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, invalid } from '../kernel/app-error.js';
import { Deadline } from '../kernel/deadline.js';
import { ServiceState } from '../kernel/service-state.js';

const BUDGET_DEFAULT_MS = 10_000;
const HEADER = 'x-request-timeout-ms';

interface Budgeted {
  budgetMs?: number;
}

/** How long a route may take, in milliseconds, and by default does. Without it: 10 s. */
export const Budget = (budgetMs: number) => RouteConfig({ budgetMs } satisfies Budgeted);

interface Limited extends FastifyRequest {
  limited?: {
    deadline: Deadline;
    /** Answers, when it is over. */
    onOver: () => void;
  };
}

/**
 * Runs each request under its deadline, from before it is known who asks, and answers when it is over even if the work goes
 * on: it is told by its signal. A client may ask for less time than the route has with `X-Request-Timeout-Ms`; one that goes
 * away ends the work.
 *
 * A hook of Fastify's and no interceptor: a single one of these has Nest pass the answer of every route through RxJS.
 */
export function limitRequests(fastify: FastifyInstance, app: INestApplicationContext): void {
  const { ending } = app.get(ServiceState);
  const open = new Set<Deadline>();
  const onEnding = () => open.forEach((deadline) => deadline.abandon(cutShort()));
  ending.addEventListener('abort', onEnding, { once: true });
  fastify.decorateRequest('limited', undefined);
  fastify.addHook('preHandler', (request: Limited, reply, done) => {
    const { budgetMs = BUDGET_DEFAULT_MS } = request.routeOptions.config as Budgeted;
    const deadline = new Deadline(Math.min(budgetMs, asked(request) ?? budgetMs));
    const onOver = () => answerLate(reply, deadline);
    request.limited = { deadline, onOver };
    open.add(deadline);
    deadline.signal.addEventListener('abort', onOver, { once: true });
    reply.raw.on('close', () => {
      open.delete(deadline);
      if (reply.raw.writableFinished) deadline.release();
      else deadline.abandon();
    });
    deadline.run(done);
  });
}

/** What failed has its answer: whatever else was begun for it has nobody to wait for it. */
export function abandonWork(request: Limited, error: unknown): void {
  const { deadline, onOver } = request.limited ?? {};
  if (deadline === undefined || deadline.signal.aborted) return;
  deadline.signal.removeEventListener('abort', onOver!);
  deadline.abandon(error as Error);
}

/** An answer that has begun, a stream, tells its end itself. */
function answerLate(reply: FastifyReply, { signal }: Deadline): void {
  if (!reply.sent && !reply.raw.headersSent) void reply.send(signal.reason);
}

/** A stop has waited for it as long as it may. */
function cutShort(): AppError {
  const detail = 'This process is ending and could not finish the request: what was acknowledged is kept';
  return new AppError('shutting_down', detail, { retryAfterMs: 1_000 });
}

function asked(request: FastifyRequest): number | undefined {
  const header = request.headers[HEADER];
  if (header === undefined) return undefined;
  const ms = Number(header);
  if (!Number.isInteger(ms) || ms < 1)
    throw invalid('X-Request-Timeout-Ms', 'must be a whole number of milliseconds, at least 1');
  return ms;
}
