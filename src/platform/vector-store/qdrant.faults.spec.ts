import { classifyQdrant, readRetryAfter } from './qdrant.faults.js';

describe('readRetryAfter', () => {
  const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);

  it.each([
    ['30', 30_000],
    [' 0 ', 0],
    ['1.5', 1_500],
    ['Thu, 01 Jan 2026 12:00:37 GMT', 37_000],
    ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    ['-5', undefined],
    [null, undefined],
  ])('reads %j as %j ms', (header, ms) => {
    expect(readRetryAfter(header, NOW)).toBe(ms);
  });
});

describe('classifyQdrant', () => {
  const broken = (code: string | undefined) => new TypeError('fetch failed', { cause: { code } });

  it.each([
    ['ECONNREFUSED', 'unreachable', true],
    ['ENOTFOUND', 'unreachable', true],
    ['UND_ERR_SOCKET', 'unreachable', true],
    [undefined, 'unreachable', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'hung', true],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'failed', false],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'failed', false],
  ])('takes a connection that failed with %s for %s', (code, reason, transient) => {
    expect(classifyQdrant(broken(code))).toEqual({ reason, transient });
  });

  it('holds nothing against the server that is our own mistake', () => {
    expect(classifyQdrant(new TypeError('x is not a function'))).toBeUndefined();
    expect(classifyQdrant(new RangeError('no'))).toBeUndefined();
    expect(classifyQdrant('text')).toBeUndefined();
  });
});
