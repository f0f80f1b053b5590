import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { BootPlan } from '../../resilience/boot.plan.js';
import { Dependencies } from '../../resilience/dependencies.js';
import { Limits } from '../../resilience/limits.js';
import { GuardedWebSearch } from './guarded.web-search.js';
import { NoWebSearch } from './no.web-search.js';
import { classifyWebSearch } from './tavily.faults.js';
import { TavilyWebSearch } from './tavily.web-search.js';
import { WebSearch } from './web-search.js';

const NAME = 'web_search';
const MINUTE_MS = 60_000;
// The adapter's own time limit ends a search before this one does.
const BACKSTOP_MS = 1_000;

/** Searches of the web, where a key to them is set; without one there is nothing to depend on. */
@Global()
@Module({
  providers: [
    {
      provide: WebSearch,
      inject: [Dependencies, Settings, Limits],
      useFactory: (dependencies: Dependencies, settings: Settings, limits: Limits): WebSearch => {
        if (settings.TAVILY_API_KEY === undefined) return new NoWebSearch();
        const baseUrl = settings.TAVILY_BASE_URL.replace(/\/+$/, '');
        const adapter = new TavilyWebSearch(baseUrl, settings.TAVILY_API_KEY);
        const rate = { amount: settings.TAVILY_RPM, perMs: MINUTE_MS };
        const dependency = dependencies.register({
          name: NAME,
          criticality: 'optional',
          adapter: adapter.adapter,
          traits: adapter.traits,
          classify: classifyWebSearch,
          part: 'web',
          affects: 'Answers that may rest on the web rest on the documents alone.',
          setting: 'TAVILY_BASE_URL',
          check: (signal) => adapter.check(signal),
          timeoutMs: settings.WEB_SEARCH_TIMEOUT_MS + BACKSTOP_MS,
          retries: 1,
          pace: { limits, allowances: [{ name: `${NAME}.requests`, rate, spends: 'request' }] },
          hasAlternative: () => false,
        });
        return new GuardedWebSearch(adapter, dependency, settings.WEB_SEARCH_TIMEOUT_MS);
      },
    },
  ],
  exports: [WebSearch],
})
export class WebSearchModule implements OnModuleInit {
  constructor(
    private readonly search: WebSearch,
    private readonly dependencies: Dependencies,
    private readonly plan: BootPlan,
  ) {}

  onModuleInit(): void {
    const dependency = this.dependencies.get(NAME);
    if (dependency === undefined) return;
    this.plan.add({ name: NAME, dependency, run: (signal) => this.search.check(signal) });
  }
}
