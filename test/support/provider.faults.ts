/** What a provider can be asked for. */
export type Route = 'chat' | 'embeddings' | 'models';

/** What is wrong with a provider, and for which of its routes: all of them, unless `on` or the kind says otherwise. */
export type ProviderFault = { on?: readonly Route[] } & (
  | { kind: 'refuse' }
  /** It takes connections (`accept`) or requests (`headers`), and says nothing. */
  | { kind: 'hang'; at: 'accept' | 'headers' }
  /** Headers at once, and signs of life that are no words; the first words, or the vectors, after so long. */
  | { kind: 'slow'; firstTokenMs: number }
  | { kind: 'stall'; afterTokens: number }
  /** One word each so many milliseconds. */
  | { kind: 'drip'; everyMs: number }
  /** The connection ends in the middle: reset, or closed without the end of the body. */
  | { kind: 'cut'; afterTokens: number; how: 'rst' | 'fin' }
  /** The body ends as it should, and the answer does not: no finish_reason, with or without `[DONE]`. */
  | { kind: 'unfinished'; afterTokens: number; done?: boolean }
  | { kind: 'malformed'; afterTokens: number }
  | { kind: 'error_event'; afterTokens: number; code?: string }
  | { kind: 'finish'; reason: 'length' | 'content_filter' }
  /** It says why it ended, and neither what that cost nor that it is done. */
  | { kind: 'linger' }
  | { kind: 'endless' }
  | { kind: 'empty' }
  | { kind: 'rate_limited'; headers?: Record<string, string> }
  | { kind: 'quota' }
  | { kind: 'unauthorized' }
  | { kind: 'context_length' }
  | { kind: 'model_not_found' }
  /** With this status, to this share of the requests (default: all). */
  | { kind: 'status'; status: number; rate?: number }
  /** With this status, and words without end. */
  | { kind: 'babble'; status: number }
  /** A page in HTML from something in front of it. */
  | { kind: 'html'; status: number }
  | { kind: 'embeddings'; wrong: 'dimension' | 'count' | 'order' | 'number' }
);

const WORK: readonly Route[] = ['chat', 'embeddings'];
/** The list of models costs nothing: these faults do not show there. */
const OF_WORK = new Set(['rate_limited', 'quota', 'context_length', 'model_not_found']);

export function concerns(fault: ProviderFault, route: Route): boolean {
  return (fault.on ?? (OF_WORK.has(fault.kind) ? WORK : undefined))?.includes(route) ?? true;
}

interface Refusal {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

/** The reply that a fault is instead of an answer, where it is one. The words are those of OpenAI's API. */
export function refusalOf(fault: ProviderFault): Refusal | undefined {
  switch (fault.kind) {
    case 'rate_limited':
      return {
        ...error(429, 'rate_limit_exceeded', 'Rate limit reached for requests'),
        headers: fault.headers ?? {},
      };
    case 'quota':
      return error(429, 'insufficient_quota', 'You exceeded your current quota', 'insufficient_quota');
    case 'unauthorized':
      return error(401, 'invalid_api_key', 'Incorrect API key provided');
    case 'context_length':
      return error(400, 'context_length_exceeded', "This model's maximum context length is 8 tokens");
    case 'model_not_found':
      return error(404, 'model_not_found', 'The model does not exist or you do not have access to it');
    case 'status':
      return Math.random() < (fault.rate ?? 1)
        ? error(fault.status, null, 'The server had an error')
        : undefined;
    case 'html':
      return {
        status: fault.status,
        headers: { 'content-type': 'text/html' },
        body: '<html>Bad gateway</html>',
      };
    default:
      return undefined;
  }
}

function error(
  status: number,
  code: string | null,
  message: string,
  type = 'invalid_request_error',
): Refusal {
  return { status, body: JSON.stringify({ error: { message, type, param: null, code } }) };
}
