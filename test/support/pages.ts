import { privateHost } from '../../src/config/web-pages.settings.js';
import { AddressRules } from '../../src/platform/web-pages/address.rules.js';
import { type HttpOptions, HttpWebPages } from '../../src/platform/web-pages/http.web-pages.js';
import type { Lookup } from '../../src/platform/web-pages/lookup.js';
import type { PageServer } from './page.server.js';

export const PAGE_BYTES_MAX = 1_048_576;

export const toLoopback: Lookup = async () => ['127.0.0.1'];

/** An adapter for which a server of the test is one that the operator named. */
export function pagesOf(
  server: PageServer,
  more: Partial<HttpOptions> = {},
  named = [server.host],
): HttpWebPages {
  return new HttpWebPages({
    rules: new AddressRules(
      [80, 443, server.port],
      named.map((host) => privateHost(host)!),
    ),
    lookUp: toLoopback,
    timeoutMs: 20_000,
    connectMs: 5_000,
    silenceMs: 10_000,
    bytesMax: PAGE_BYTES_MAX,
    ...more,
  });
}
