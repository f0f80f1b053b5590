import { HttpException } from '@nestjs/common';
import { AppError, type ErrorCode, type FieldError } from '../kernel/app-error.js';
import { CallerGone, DeadlineExceeded } from '../kernel/deadline.js';
import { DependencyError, type Reason } from '../resilience/dependency-error.js';

/** The one table of codes: the status that each is answered with, its title, and what to do about it. */
export const PROBLEMS: Record<ErrorCode, { status: number; title: string; remedy: string }> = {
  malformed_request: {
    status: 400,
    title: 'The request cannot be read',
    remedy: 'Send well-formed JSON, or a well-formed form.',
  },
  unauthorized: {
    status: 401,
    title: 'Credentials are missing or wrong',
    remedy: 'Send `Authorization: Bearer <credentials>` with an API key or a token that is valid.',
  },
  forbidden: {
    status: 403,
    title: 'These credentials do not allow that',
    remedy: 'Use credentials of the right tenant and scope.',
  },
  not_found: {
    status: 404,
    title: 'There is no such thing',
    remedy: 'Check the id and the path; what belongs to another tenant is not there.',
  },
  conflict: {
    status: 409,
    title: 'The thing is not in a state that allows that',
    remedy: 'Look at its status and try again when it has changed.',
  },
  payload_too_large: {
    status: 413,
    title: 'The request is too large',
    remedy: 'Send less at once; the detail names the limit and its setting.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Content of this type is not taken',
    remedy: 'Send application/json, or a file as multipart/form-data that holds UTF-8 text.',
  },
  validation_failed: {
    status: 422,
    title: 'A field is wrong',
    remedy: '`errors` names each field and what it must be.',
  },
  idempotency_mismatch: {
    status: 422,
    title: 'The Idempotency-Key was used with another body',
    remedy: 'Use a new key for a new request.',
  },
  rate_limited: { status: 429, title: 'Too many requests', remedy: 'Wait for as long as Retry-After says.' },
  internal: {
    status: 500,
    title: 'Something went wrong here',
    remedy: 'Report it with the request_id: the log tells more.',
  },
  dependency_unavailable: {
    status: 503,
    title: 'Something that this service needs is not available',
    remedy: 'Try again after Retry-After. The readiness page names what is away.',
  },
  overloaded: { status: 503, title: 'There is too much to do', remedy: 'Try again after Retry-After.' },
  maintenance: {
    status: 503,
    title: 'The service is under maintenance',
    remedy: 'Try again after Retry-After.',
  },
  shutting_down: { status: 503, title: 'This process is ending', remedy: 'Try again: another one answers.' },
  deadline_exceeded: {
    status: 504,
    title: 'No answer in time',
    remedy: 'Try again, or allow more time with X-Request-Timeout-Ms.',
  },
};

/** RFC 9457, with this service's own members. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  request_id: string;
  errors?: readonly FieldError[];
}

const BUSY: ReadonlySet<Reason> = new Set(['pool_exhausted', 'overloaded']);
// What a client is told when the dependency itself named no time.
const RETRY_AFTER_MS = 1_000;

/** What any error looks like from outside. What was not meant for the client to read is not shown to it. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof DependencyError) {
    const detail = `${error.dependency} is not available (${error.reason}). ${remedyFor(error)}`;
    return new AppError(BUSY.has(error.reason) ? 'overloaded' : 'dependency_unavailable', detail, {
      retryAfterMs: error.retryAfterMs ?? RETRY_AFTER_MS,
      cause: error,
    });
  }
  if (error instanceof DeadlineExceeded || error instanceof CallerGone) {
    return new AppError('deadline_exceeded', error.message, { cause: error });
  }
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown })?.statusCode;
  if (typeof status === 'number' && status < 500) return ofStatus(status, error as Error);
  return new AppError('internal', 'An error that was not foreseen: the log has it under this request_id', {
    cause: error,
  });
}

/** What was being written when its reply was lost may have been kept: to repeat it would be to do it twice. */
function remedyFor(error: DependencyError): string {
  const unknown = (error.cause as { name?: unknown } | undefined)?.name === 'OutcomeUnknown';
  return unknown
    ? 'It may have been done or not: look before you send it again, or send it with an Idempotency-Key'
    : 'What was acknowledged is kept; try again';
}

function ofStatus(status: number, error: Error): AppError {
  if (status === 413) {
    const detail =
      'The request is larger than REQUEST_BYTES_MAX, or for a document DOCUMENT_BYTES_MAX, allows';
    return new AppError('payload_too_large', detail, { cause: error });
  }
  // A path that is too long names nothing that there is.
  if (status === 414) return new AppError('not_found', 'The path is too long', { cause: error });
  const code =
    (Object.keys(PROBLEMS) as ErrorCode[]).find((c) => PROBLEMS[c].status === status) ?? 'malformed_request';
  return new AppError(code, error.message, { cause: error });
}

export function toProblem(error: AppError, requestId: string): Problem {
  const { status, title } = PROBLEMS[error.code];
  return {
    type: `urn:mainstay:problem:${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.message,
    request_id: requestId,
    ...(error.errors !== undefined && { errors: error.errors }),
  };
}
