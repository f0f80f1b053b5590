import { faultOfTransport } from './page.faults.js';
import { PageFault } from './web-pages.js';

const withCode = (code: string) => Object.assign(new Error(`canary ${code}`), { code });

describe('faultOfTransport', () => {
  it.each([
    ['UND_ERR_CONNECT_TIMEOUT', 'page_unavailable'],
    ['ECONNREFUSED', 'page_unavailable'],
    ['ECONNRESET', 'page_unavailable'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'page_certificate'],
    ['CERT_HAS_EXPIRED', 'page_certificate'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'page_certificate'],
    ['EPROTO', 'page_certificate'],
    ['HPE_INVALID_CONSTANT', 'page_unreadable'],
    ['Z_DATA_ERROR', 'page_unreadable'],
    ['ERR__ERROR_FORMAT_PADDING_1', 'page_unreadable'],
  ])('makes %s a %s, and keeps what it said to itself', (code, fault) => {
    const cause = withCode(code);
    const made = faultOfTransport(cause) as PageFault;
    expect(made).toMatchObject({ code: fault, cause });
    expect(made.message).not.toContain('canary');
  });

  it('sees what is behind an error, and of several the first', () => {
    const tried = new AggregateError([withCode('ENETUNREACH'), withCode('CERT_HAS_EXPIRED')]);
    expect(faultOfTransport(tried)).toMatchObject({ code: 'page_unavailable' });
    expect(faultOfTransport(new Error('outer', { cause: withCode('EPIPE') }))).toMatchObject({
      code: 'page_unavailable',
    });
  });

  it('leaves alone what is no fault of a page', () => {
    const known = new PageFault('page_type', 'known');
    for (const error of [
      known,
      new TypeError('a mistake of ours'),
      withCode('ERR_INVALID_ARG_TYPE'),
      undefined,
      'text',
    ])
      expect(faultOfTransport(error)).toBe(error);
  });
});
