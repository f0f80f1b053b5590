import { BadRequestException, NotFoundException } from '@nestjs/common';
import { AppError } from '../kernel/app-error.js';
import { CallerGone, DeadlineExceeded } from '../kernel/deadline.js';
import { DependencyError } from '../resilience/dependency-error.js';
import { PROBLEMS, toAppError, toProblem } from './problem.js';

describe('toAppError', () => {
  it.each<[string, unknown, string]>([
    ['our own error', new AppError('conflict', 'not now'), 'conflict'],
    [
      'a dependency that is away',
      new DependencyError('database', 'find', 'unreachable', {}),
      'dependency_unavailable',
    ],
    ['a deadline', new DeadlineExceeded(5), 'deadline_exceeded'],
    ['a client that left', new CallerGone(), 'deadline_exceeded'],
    ['a route that is not there', new NotFoundException('Cannot GET /x'), 'not_found'],
    ['Nest’s bad request', new BadRequestException('no'), 'malformed_request'],
    [
      'a body that is too large',
      Object.assign(new Error('too large'), { statusCode: 413 }),
      'payload_too_large',
    ],
    [
      'a media type that is not taken',
      Object.assign(new Error('no'), { statusCode: 415 }),
      'unsupported_media_type',
    ],
    [
      'a status that has no code of its own',
      Object.assign(new Error('teapot'), { statusCode: 418 }),
      'malformed_request',
    ],
    ['a bug', new TypeError('x is not a function'), 'internal'],
    ['what is no error', undefined, 'internal'],
  ])('makes of %s', (_, error, code) => {
    expect(toAppError(error).code).toBe(code);
  });

  it('shows nothing of a bug', () => {
    expect(toAppError(new TypeError('password=hunter2')).message).not.toContain('hunter2');
  });

  it('tells when to come back', () => {
    const asked = new DependencyError('llm', 'answer', 'rate_limited', { retryAfterMs: 61_000 });
    expect(toAppError(asked).retryAfterMs).toBe(61_000);
    expect(toAppError(new DependencyError('llm', 'answer', 'timeout', {})).retryAfterMs).toBe(1_000);
  });
});

describe('toProblem', () => {
  it('is RFC 9457 with our own members', () => {
    const error = new AppError('validation_failed', 'x: must be y', {
      errors: [{ path: 'x', message: 'must be y' }],
    });
    expect(toProblem(error, 'r-1')).toEqual({
      type: 'urn:mainstay:problem:validation_failed',
      title: 'A field is wrong',
      status: 422,
      code: 'validation_failed',
      detail: 'x: must be y',
      request_id: 'r-1',
      errors: [{ path: 'x', message: 'must be y' }],
    });
    expect(toProblem(new AppError('not_found', 'no'), 'r-2')).not.toHaveProperty('errors');
  });

  it('has a status, a title and a remedy for every code', () => {
    for (const problem of Object.values(PROBLEMS)) {
      expect(problem.status).toBeGreaterThanOrEqual(400);
      expect(problem.title).not.toBe('');
      expect(problem.remedy).not.toBe('');
    }
  });
});
