import { Global, Module } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { privateHost } from '../../config/web-pages.settings.js';
import { Dependencies } from '../../resilience/dependencies.js';
import { Limits } from '../../resilience/limits.js';
import { AddressRules } from './address.rules.js';
import { GuardedWebPages } from './guarded.web-pages.js';
import { HttpWebPages } from './http.web-pages.js';
import { newLookup } from './lookup.js';
import { WebPages } from './web-pages.js';

const NAME = 'web_pages';
const MINUTE_MS = 60_000;
const CONNECT_MS = 5_000;
const SILENCE_MS = 10_000;
// The adapter's own time limit ends a fetch before this one does.
const BACKSTOP_MS = 5_000;

/** Pages of the web, for documents that are given by their address. */
@Global()
@Module({
  providers: [
    {
      provide: WebPages,
      inject: [Dependencies, Settings, Limits],
      useFactory: (dependencies: Dependencies, settings: Settings, limits: Limits): WebPages => {
        const adapter = new HttpWebPages({
          rules: new AddressRules(
            settings.WEB_PAGES_PORTS.map(Number),
            settings.WEB_PAGES_PRIVATE_HOSTS.flatMap((host) => privateHost(host) ?? []),
          ),
          lookUp: newLookup(),
          timeoutMs: settings.WEB_PAGE_TIMEOUT_MS,
          connectMs: CONNECT_MS,
          silenceMs: SILENCE_MS,
          bytesMax: settings.DOCUMENT_BYTES_MAX,
        });
        const rate = { amount: settings.WEB_PAGES_RPM, perMs: MINUTE_MS };
        const dependency = dependencies.register({
          name: NAME,
          criticality: 'optional',
          adapter: adapter.adapter,
          traits: adapter.traits,
          // A page that fails is a fault of that page, and whoever names it chooses it: five that do not exist must not
          // keep all others from theirs. So nothing opens this circuit but an operator.
          classify: () => undefined,
          // There is nothing that every page depends on, and so nothing to ask.
          check: async () => {},
          part: 'web',
          affects: 'Documents that are given by their address wait, and are fetched later.',
          timeoutMs: settings.WEB_PAGE_TIMEOUT_MS + BACKSTOP_MS,
          concurrencyMax: Math.max(1, settings.FETCH_CONCURRENCY),
          pace: { limits, allowances: [{ name: `${NAME}.requests`, rate, spends: 'request' }] },
        });
        const hostRate = { amount: settings.WEB_PAGES_HOST_RPM, perMs: MINUTE_MS };
        return new GuardedWebPages(adapter, dependency, limits, hostRate);
      },
    },
  ],
  exports: [WebPages],
})
export class WebPagesModule {}
