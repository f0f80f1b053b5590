import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { invalid } from '../kernel/app-error.js';

const HEADER = 'Idempotency-Key';
const KEY = /^[\x21-\x7e]{1,255}$/;

const documented: ParameterDecorator = (target, method) => {
  ApiHeader({
    name: HEADER,
    required: false,
    schema: { type: 'string', minLength: 1, maxLength: 255 },
    description: 'A request that is sent again with its key gets the first answer again. Kept for 24 hours.',
  })(target, method!, Object.getOwnPropertyDescriptor(target, method!)!);
};

/** What the client calls this request, so that it can send it again and have it done once; undefined when it gave no name. */
export const IdempotencyKey = createParamDecorator(
  (_: unknown, context: ExecutionContext): string | undefined => {
    const key = context.switchToHttp().getRequest<FastifyRequest>().headers[HEADER.toLowerCase()];
    if (key === undefined) return undefined;
    if (typeof key !== 'string' || !KEY.test(key))
      throw invalid(HEADER, 'must have 1 to 255 visible ASCII characters, such as a UUID');
    return key;
  },
  [documented],
);
