import { causeOf } from './cause.js';

const coded = (code: string, cause?: unknown) => Object.assign(new Error('words', { cause }), { code });

describe('causeOf', () => {
  it('believes the adapter', () => {
    expect(causeOf(coded('ECONNREFUSED'), 'overloaded', 'loading')).toBe('loading');
  });

  it.each([
    ['ECONNREFUSED', 'refused'],
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['EPROTO', 'tls'],
    ['UND_ERR_CONNECT_TIMEOUT', 'hung'],
    ['ECONNRESET', 'lost'],
  ])('knows what %s comes from: %s', (code, cause) => {
    expect(causeOf(coded(code), 'unreachable', undefined)).toBe(cause);
    expect(causeOf(new Error('fetch failed', { cause: coded(code) }), 'unreachable', undefined)).toBe(cause);
  });

  it('finds the code wherever a library has put it, and does not look for ever', () => {
    const wrapped = { driverError: new AggregateError([coded('ECONNREFUSED')]) };
    expect(causeOf(wrapped, 'unreachable', undefined)).toBe('refused');
    const circle: { cause?: unknown } = {};
    circle.cause = circle;
    expect(causeOf(circle, 'hung', undefined)).toBe('hung');
    expect(causeOf('no error at all', 'quota', undefined)).toBe('quota');
    expect(causeOf(null, 'failed', undefined)).toBe('server_error');
  });
});
