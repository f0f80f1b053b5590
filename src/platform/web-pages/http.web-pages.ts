import { type Dispatcher, request } from 'undici';
import { SERVICE, VERSION } from '../../config/identity.js';
import { type AddressRules, literalOf } from './address.rules.js';
import type { Lookup } from './lookup.js';
import { ENCODINGS, readBody, tooLarge } from './page.body.js';
import { faultOfStatus, faultOfTransport, tooSlow } from './page.faults.js';
import { contentTypeOf, textOf } from './page.text.js';
import { pinnedAgent, type PageLimits } from './pinned.agent.js';
import { type FetchedPage, PageFault, WebPages } from './web-pages.js';

export interface HttpOptions extends PageLimits {
  rules: AddressRules;
  lookUp: Lookup;
  /** For all of it: names, redirects, and the last byte. */
  timeoutMs: number;
  /** Of the text as it was before it was compressed. */
  bytesMax: number;
}

const REDIRECTS_MAX = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const HEADERS = {
  accept: 'text/html, text/markdown;q=0.9, text/plain;q=0.8',
  'accept-encoding': ENCODINGS,
  'user-agent': `${SERVICE}/${VERSION}`,
};

/** Pages over HTTP, raw: no retry, no circuit. Each hop has a connection of its own, and nothing is kept between two. */
export class HttpWebPages extends WebPages {
  readonly adapter = 'http';
  readonly traits = { durable: true, shared: true };

  constructor(private readonly options: HttpOptions) {
    super();
  }

  assertAllowed(url: string): void {
    this.options.rules.parse(url);
  }

  async fetch(address: string, signal?: AbortSignal): Promise<FetchedPage> {
    const limit = AbortSignal.timeout(this.options.timeoutMs);
    try {
      return await this.follow(address, signal === undefined ? limit : AbortSignal.any([signal, limit]));
    } catch (error) {
      signal?.throwIfAborted();
      if (limit.aborted && !(error instanceof PageFault)) throw tooSlow(error);
      throw faultOfTransport(error);
    }
  }

  private async follow(address: string, signal: AbortSignal): Promise<FetchedPage> {
    const { rules } = this.options;
    let url = rules.parse(address);
    for (let redirects = 0; ; redirects += 1) {
      const found = await this.ask(url, signal);
      if ('text' in found) return found;
      if (redirects === REDIRECTS_MAX)
        throw redirected(`sends on to another address more than ${REDIRECTS_MAX} times`);
      const next = rules.parse(found.location, url);
      if (url.protocol === 'https:' && next.protocol === 'http:')
        throw redirected('sends on from https to http');
      url = next;
    }
  }

  /** One hop: checks where the host is now, and speaks to nobody else. */
  private async ask(url: URL, signal: AbortSignal): Promise<FetchedPage | { location: string }> {
    const addresses = await this.addressesOf(url, signal);
    const agent = pinnedAgent(addresses, this.options);
    try {
      const reply = await request(url, { dispatcher: agent, headers: HEADERS, signal });
      // What is not read to its end is cut off below, and says so to nobody else.
      reply.body.on('error', () => {});
      const { location } = reply.headers;
      if (REDIRECTS.has(reply.statusCode) && typeof location === 'string') return { location };
      return await this.read(url, reply);
    } finally {
      await agent.destroy();
    }
  }

  private async addressesOf(url: URL, signal: AbortSignal): Promise<readonly string[]> {
    const { rules, lookUp } = this.options;
    const literal = literalOf(url);
    const addresses =
      literal === undefined ? await lookUp(url.hostname, rules.isNamed(url), signal) : [literal];
    rules.assertAllowed(url, addresses);
    return addresses;
  }

  private async read(url: URL, { statusCode, headers, body }: Dispatcher.ResponseData): Promise<FetchedPage> {
    const fault = faultOfStatus(statusCode);
    if (fault !== undefined) throw fault;
    const type = contentTypeOf(single(headers['content-type']));
    const { bytesMax } = this.options;
    if (Number(headers['content-length']) > bytesMax) throw tooLarge(bytesMax);
    const bytes = await readBody(body, single(headers['content-encoding']), bytesMax);
    const text = textOf(bytes, type);
    // Of another charset, the same text may have more of them as UTF-8.
    if (Buffer.byteLength(text) > bytesMax) throw tooLarge(bytesMax);
    return { finalUrl: url.href, contentType: type.type, text };
  }
}

/** A header that came twice says nothing that could be relied on but both. */
function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}

function redirected(what: string): PageFault {
  return new PageFault(
    'page_redirects',
    `The page ${what}: give the address where it ends, or send its text as content`,
  );
}
