/**
 * Every code that an API error can carry, as `code` in a problem document (RFC 9457). The HTTP status of each stands in
 * one table, `http/problem.ts`; docs/errors.md is generated from both.
 */
export type ErrorCode =
  | 'malformed_request'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'validation_failed'
  | 'idempotency_mismatch'
  | 'rate_limited'
  | 'internal'
  | 'dependency_unavailable'
  | 'overloaded'
  | 'maintenance'
  | 'shutting_down'
  | 'deadline_exceeded';

/** One thing wrong with the input: where (`metadata.price.gte`) and what to do about it. */
export interface FieldError {
  path: string;
  message: string;
}

/**
 * An error that the caller is meant to read: a stable code and a sentence that says what was wrong and the remedy.
 * The sentence goes to the client as it is, so it must hold nothing that the client may not see.
 */
export class AppError extends Error {
  readonly errors?: readonly FieldError[];
  readonly retryAfterMs?: number;

  constructor(
    readonly code: ErrorCode,
    detail: string,
    options: { errors?: readonly FieldError[]; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = 'AppError';
    if (options.errors !== undefined) this.errors = options.errors;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

/** The error for input whose shape is right and whose content is not. */
export function invalid(path: string, message: string): AppError {
  return new AppError('validation_failed', `${path}: ${message}`, { errors: [{ path, message }] });
}
