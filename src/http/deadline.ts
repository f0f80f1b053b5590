import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Observable } from 'rxjs';
import { AppError, invalid } from '../kernel/app-error.js';
import { Deadline } from '../kernel/deadline.js';
import { ServiceState } from '../kernel/service-state.js';

const BUDGET = 'mainstay:budget';
const BUDGET_DEFAULT_MS = 10_000;
const HEADER = 'x-request-timeout-ms';

/** How long a route may take, in milliseconds, and by default does. Without it: 10 s. */
export const Budget = (ms: number) => SetMetadata(BUDGET, ms);

const deadlines = new WeakMap<FastifyRequest, Deadline>();

/**
 * The deadline of the request, which begins when it is first asked for: finding out who asks is a part of the answer.
 * @throws AppError validation_failed when the client asks for a time that is none
 */
export function deadlineOf(reflector: Reflector, context: ExecutionContext): Deadline {
  const http = context.switchToHttp();
  const [request, reply] = [http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>()];
  const begun = deadlines.get(request);
  if (begun !== undefined) return begun;
  const budgetMs = reflector.get<number | undefined>(BUDGET, context.getHandler()) ?? BUDGET_DEFAULT_MS;
  const deadline = new Deadline(Math.min(budgetMs, asked(request) ?? budgetMs));
  deadlines.set(request, deadline);
  reply.raw.once('close', () => {
    if (reply.raw.writableFinished) deadline.release();
    else deadline.abandon();
  });
  return deadline;
}

/**
 * Runs each request under its deadline, and answers when it is over even if the work goes on: it is told by its signal.
 * A client may ask for less time than the route has with `X-Request-Timeout-Ms`; one that goes away ends the work.
 */
@Injectable()
export class DeadlineInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly state: ServiceState,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const deadline = deadlineOf(this.reflector, context);
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return new Observable((subscriber) => {
      // Its time was up, or its caller gone, before it was known who asks.
      if (deadline.signal.aborted) {
        subscriber.error(deadline.signal.reason);
        return;
      }
      const onAbort = () => {
        // A stream whose head is out ends by the same signal, and tells its reader itself.
        if (!reply.raw.headersSent) subscriber.error(deadline.signal.reason);
      };
      const onEnding = () => deadline.abandon(cutShort());
      this.state.ending.addEventListener('abort', onEnding, { once: true });
      deadline.signal.addEventListener('abort', onAbort, { once: true });
      // What failed has its answer: whatever else was begun for it has nobody to wait for it.
      const fail = (error: unknown) => {
        deadline.signal.removeEventListener('abort', onAbort);
        deadline.abandon(error as Error);
        subscriber.error(error);
      };
      const work = deadline.run(() =>
        next.handle().subscribe({
          next: (answer) => subscriber.next(answer),
          error: fail,
          complete: () => subscriber.complete(),
        }),
      );
      return () => {
        work.unsubscribe();
        deadline.release();
        deadline.signal.removeEventListener('abort', onAbort);
        this.state.ending.removeEventListener('abort', onEnding);
      };
    });
  }
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
