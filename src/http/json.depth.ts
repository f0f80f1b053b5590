import type { FastifyInstance } from 'fastify';
import { AppError } from '../kernel/app-error.js';

/** How many objects and lists may stand within each other in a body. Whoever walks through it needs no more care. */
export const JSON_LEVELS_MAX = 32;

/** Refuses bodies that are nested deeper than anything that is asked for. */
export function limitJsonDepth(fastify: FastifyInstance): void {
  fastify.addHook('preValidation', (request, _reply, done) => {
    if (isShallow(request.body)) {
      done();
      return;
    }
    const message = `must not be nested deeper than ${JSON_LEVELS_MAX} levels`;
    const errors = [{ path: '', message }];
    done(new AppError('validation_failed', `The body ${message}`, { errors }));
  });
}

/** Level by level, without recursion: what is asked about may be as deep as a body can be long. */
function isShallow(body: unknown): boolean {
  let level = isNested(body) ? [body] : [];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > JSON_LEVELS_MAX) return false;
    const next: object[] = [];
    for (const value of level)
      // A list may have millions of members: it is not copied to be looked at.
      for (const inner of Array.isArray(value) ? (value as unknown[]) : Object.values(value))
        if (isNested(inner)) next.push(inner);
    level = next;
  }
  return true;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
