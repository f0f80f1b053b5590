import { failureOfReply, failureOfTransport, WebSearchFailed } from './tavily.faults.js';
import { WebSearch, type WebPage } from './web-search.js';

const TEXT_CHARACTERS_MAX = 2_000;
const TITLE_CHARACTERS_MAX = 300;
const REPLY_BYTES_MAX = 4 * 1_024 * 1_024;
// Longer queries it refuses.
const QUERY_CHARACTERS_MAX = 400;

/** Tavily's search API, raw: no retry, no circuit. */
export class TavilyWebSearch extends WebSearch {
  readonly adapter = 'tavily';
  readonly traits = { durable: true, shared: true };

  /** @param baseUrl without a slash at its end */
  constructor(
    private readonly baseUrl: string,
    private readonly apiKey: string,
  ) {
    super();
  }

  async find(query: string, limit: number, signal?: AbortSignal, withinMs?: number): Promise<WebPage[]> {
    const body = {
      query: query.slice(0, QUERY_CHARACTERS_MAX).toWellFormed(),
      max_results: limit,
      search_depth: 'basic',
    };
    const response = await this.request('POST', '/search', body, signal, withinMs);
    return pagesIn(await jsonOf(response), limit);
  }

  /** That it answers at all: what would show more is counted, or limited to once a minute. */
  async check(signal: AbortSignal): Promise<void> {
    const response = await this.send('HEAD', '/', undefined, signal, undefined);
    if (response.status >= 500) throw failureOfReply(response);
  }

  private async request(
    method: 'POST',
    path: string,
    body: object,
    signal: AbortSignal | undefined,
    withinMs: number | undefined,
  ): Promise<Response> {
    const response = await this.send(method, path, body, signal, withinMs);
    if (response.ok) return response;
    await response.body?.cancel();
    throw failureOfReply(response);
  }

  private async send(
    method: 'POST' | 'HEAD',
    path: string,
    body: object | undefined,
    signal: AbortSignal | undefined,
    withinMs: number | undefined,
  ): Promise<Response> {
    const signals = [
      signal,
      withinMs === undefined ? undefined : AbortSignal.timeout(Math.max(0, Math.ceil(withinMs))),
    ];
    try {
      return await fetch(`${this.baseUrl}${path}`, {
        method,
        redirect: 'manual',
        headers: { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' },
        signal: AbortSignal.any(signals.filter((s) => s !== undefined)),
        ...(body && { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw failureOfTransport(error);
    }
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > REPLY_BYTES_MAX) throw badReply('The reply is too long');
      chunks.push(chunk);
    }
  } catch (error) {
    throw failureOfTransport(error);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw badReply('The reply is no JSON');
  }
}

/** Pages without an address or without words are none. */
function pagesIn(reply: unknown, limit: number): WebPage[] {
  const results = (reply as { results?: unknown } | null)?.results;
  if (!Array.isArray(results)) throw badReply('The reply has no results');
  return (results as Partial<Record<'title' | 'url' | 'content', unknown>>[])
    .flatMap(({ title, url, content }) => {
      if (typeof url !== 'string' || !/^https?:\/\//.test(url) || !URL.canParse(url)) return [];
      if (typeof content !== 'string' || content.trim() === '') return [];
      const named = typeof title === 'string' && title.trim() !== '' ? title : url;
      return [{ title: cut(named, TITLE_CHARACTERS_MAX), url, text: cut(content, TEXT_CHARACTERS_MAX) }];
    })
    .slice(0, limit);
}

function cut(text: string, charactersMax: number): string {
  return text.slice(0, charactersMax).toWellFormed();
}

function badReply(message: string): WebSearchFailed {
  return new WebSearchFailed(message, { reason: 'bad_reply', transient: false });
}
