import { AppError, type ErrorCode, invalid } from '../kernel/app-error.js';
import { errorAnswer } from './error.formats.js';
import { PROBLEMS } from './problem.js';

const CODES: Partial<Record<ErrorCode, string | null>> = {
  malformed_request: null,
  validation_failed: null,
  internal: null,
  unauthorized: 'invalid_api_key',
  forbidden: 'insufficient_permissions',
  not_found: 'unknown_url',
  rate_limited: 'rate_limit_exceeded',
};
/** OpenAI's own, where it has one. */
const openAiCode = (code: ErrorCode) => (code in CODES ? CODES[code] : code);

describe('errorAnswer', () => {
  it.each(['/v1', '/v1/', '/v1?a', '/v1/chat/completions', '/v1/nothing?x=/api'])(
    'is in OpenAI’s form at %s',
    (url) => {
      const { contentType, body } = errorAnswer(url, new AppError('internal', 'Oh'), 'id');
      expect(contentType).toBe('application/json');
      expect(body).toEqual({ error: { message: 'Oh', type: 'server_error', param: null, code: null } });
    },
  );

  it.each(['/', '/v10', '/api/v1/answers', '/v2/v1/'])('is a problem document at %s', (url) => {
    const { contentType, body } = errorAnswer(url, new AppError('internal', 'Oh'), 'id');
    expect(contentType).toBe('application/problem+json');
    expect(body).toMatchObject({ code: 'internal', request_id: 'id' });
  });

  it('has the status of its code everywhere, save that OpenAI knows no 422 for a field that is wrong', () => {
    for (const code of Object.keys(PROBLEMS) as ErrorCode[]) {
      const { status, body } = errorAnswer('/v1/models', new AppError(code, 'Oh'), 'id');
      expect(status).toBe(code === 'validation_failed' ? 400 : PROBLEMS[code].status);
      expect(body).toEqual({
        error: { message: 'Oh', type: expect.any(String), param: null, code: openAiCode(code) },
      });
    }
  });

  it('names the field, and a model that is not there as OpenAI does', () => {
    expect(errorAnswer('/v1/x', invalid('input', 'must be'), 'id').body).toMatchObject({
      error: { param: 'input', message: 'input: must be' },
    });
    const unknown = new AppError('not_found', 'No', { errors: [{ path: 'model', message: 'No' }] });
    expect(errorAnswer('/v1/x', unknown, 'id')).toMatchObject({
      status: 404,
      body: { error: { param: 'model', code: 'model_not_found' } },
    });
  });
});
