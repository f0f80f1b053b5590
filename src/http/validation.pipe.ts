import { StandardSchemaValidationPipe } from '@nestjs/common';
import { AppError } from '../kernel/app-error.js';

// More is not read by anybody, and each repeats its path.
const ERRORS_MAX = 20;

/** Checks bodies, queries and path parameters against their schemas, and names every field that is wrong. */
export function validationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => {
      const errors = issues.slice(0, ERRORS_MAX).map(({ path, message }) => ({
        path: (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
        message,
      }));
      const detail = errors.map((e) => (e.path === '' ? e.message : `${e.path}: ${e.message}`)).join('; ');
      return new AppError('validation_failed', detail, { errors });
    },
  });
}
