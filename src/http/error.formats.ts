import type { AppError, ErrorCode } from '../kernel/app-error.js';
import { PROBLEMS, toProblem } from './problem.js';

/** An error as a client gets it. */
export interface ErrorAnswer {
  status: number;
  contentType: string;
  body: object;
}

/** Where the API is OpenAI's, errors are too: clients of it know no other. */
const OPENAI = /^\/v1(?=[/?]|$)/;

/** @param url the path that was asked for, which says what its clients understand */
export function errorAnswer(url: string, error: AppError, requestId: string): ErrorAnswer {
  if (OPENAI.test(url)) {
    const { status } = openAi(error.code);
    return { status, contentType: 'application/json', body: toOpenAiError(error) };
  }
  const { status } = PROBLEMS[error.code];
  return { status, contentType: 'application/problem+json', body: toProblem(error, requestId) };
}

/** The body of an error of OpenAI's API, and the data of one that ends a stream of it. */
export function toOpenAiError(error: AppError) {
  const { type, code } = openAi(error.code);
  const param = error.errors?.[0]?.path ?? null;
  const shown = error.code === 'not_found' && param === 'model' ? 'model_not_found' : code;
  return { error: { message: error.message, type, param, code: shown } };
}

/** The words of OpenAI's API for what it knows, and our own code for the rest. */
const OPENAI_ERRORS: Partial<Record<ErrorCode, { type: string; code: string | null; status?: number }>> = {
  malformed_request: { type: 'invalid_request_error', code: null },
  validation_failed: { type: 'invalid_request_error', code: null, status: 400 },
  unauthorized: { type: 'invalid_request_error', code: 'invalid_api_key' },
  forbidden: { type: 'invalid_request_error', code: 'insufficient_permissions' },
  not_found: { type: 'invalid_request_error', code: 'unknown_url' },
  rate_limited: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  internal: { type: 'server_error', code: null },
  deadline_exceeded: { type: 'timeout', code: 'deadline_exceeded' },
};

function openAi(code: ErrorCode): { type: string; code: string | null; status: number } {
  const { status } = PROBLEMS[code];
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  return { status, type, code, ...OPENAI_ERRORS[code] };
}
