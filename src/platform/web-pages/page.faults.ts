import { PageFault, type PageFaultCode } from './web-pages.js';

/** What a status means for whoever asked for the page. @returns undefined for 200 */
export function faultOfStatus(status: number): PageFault | undefined {
  if (status === 200) return undefined;
  if (status === 404 || status === 410)
    return new PageFault(
      'page_not_found',
      'There is no page at the address: check it, or delete the document',
    );
  if (status === 401 || status === 403 || status === 407 || status === 451)
    return new PageFault(
      'page_forbidden',
      'The page is not shown to everybody, and this service has no credentials for it: send its text as content',
    );
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    return new PageFault('page_unavailable', 'The server of the page says that it cannot show it now');
  return new PageFault(
    'page_refused',
    'The server answers with something other than the page: check the address, or send the text as content',
  );
}

export function tooSlow(cause: unknown): PageFault {
  return new PageFault('page_unavailable', 'The page did not come in the time that it may take', { cause });
}

// By the code of what failed. What is not here is no fault of a page: a mistake of ours, to be seen as one.
const FAULTS: readonly [RegExp, PageFaultCode, string][] = [
  [
    /^(UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT)$/,
    'page_unavailable',
    'The server of the page does not answer',
  ],
  [
    /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES|EPERM)$/,
    'page_unavailable',
    'The server of the page cannot be reached',
  ],
  [
    /^(UND_ERR_SOCKET|ECONNRESET|ECONNABORTED|EPIPE|Z_BUF_ERROR|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/,
    'page_unavailable',
    'The page broke off before its end',
  ],
  [
    /CERT|SELF_SIGNED|^UNABLE_TO|^ERR_TLS|^ERR_SSL|^EPROTO$/,
    'page_certificate',
    'The certificate of the page is not to be trusted: have its owner renew it, or send its text as content',
  ],
  [
    /^(HPE_|Z_|ERR__ERROR_|ERR_BROTLI|UND_ERR_HEADERS_OVERFLOW$|UND_ERR_RESPONSE$)/,
    'page_unreadable',
    'The server of the page does not speak HTTP as it should: send its text as content',
  ],
];

/** @returns a fault of the page, or the error itself where it is none */
export function faultOfTransport(error: unknown): unknown {
  if (error instanceof PageFault) return error;
  const code = codeOf(error);
  const [, fault, message] = FAULTS.find(([pattern]) => pattern.test(code)) ?? [];
  return fault === undefined ? error : new PageFault(fault, message!, { cause: error });
}

/** Several addresses that were tried fail together, and the first of them says why. */
function codeOf(error: unknown): string {
  const { name, code, errors, cause } = (error ?? {}) as Record<string, unknown>;
  if (typeof code === 'string') return code;
  // Not each of these has a code.
  if (name === 'HTTPParserError') return 'HPE_';
  const inner = (Array.isArray(errors) ? (errors as unknown[])[0] : undefined) ?? cause;
  return inner === undefined ? '' : codeOf(inner);
}
