import { StandardSchemaValidationPipe } from '@nestjs/common';
import { AppError } from '../kernel/app-error.js';

// More is not read by anybody, and each repeats its path.
const ERRORS_MAX = 20;
const MESSAGE_CHARACTERS_MAX = 300;

/**
 * Nest's pipe takes the keys `constructor` and `prototype` out of whatever it checks: a filter on one of them would be no
 * filter, and metadata would lose them. Here they are keys like any other; the JSON parser refuses what could do harm.
 */
class WholeValuePipe extends StandardSchemaValidationPipe {
  protected override stripProtoKeys(): void {}
}

/** Checks bodies, queries and path parameters against their schemas, and names every field that is wrong. */
export function validationPipe(): StandardSchemaValidationPipe {
  return new WholeValuePipe({
    exceptionFactory: (issues) => {
      const errors = issues.slice(0, ERRORS_MAX).map(({ path, message }) => ({
        path: short((path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')),
        message: short(message),
      }));
      const detail = errors.map((e) => (e.path === '' ? e.message : `${e.path}: ${e.message}`)).join('; ');
      return new AppError('validation_failed', detail, { errors });
    },
  });
}

function short(words: string): string {
  return words.length <= MESSAGE_CHARACTERS_MAX ? words : `${words.slice(0, MESSAGE_CHARACTERS_MAX)}…`;
}
