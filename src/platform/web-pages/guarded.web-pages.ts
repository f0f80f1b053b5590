import { DependencyError } from '../../resilience/dependency-error.js';
import type { Dependency, Traits } from '../../resilience/dependency.js';
import type { Limits, Rate } from '../../resilience/limits.js';
import { type FetchedPage, WebPages } from './web-pages.js';

/**
 * Pages behind the limits of all, and of each host: whoever may write documents must not be able to flood somebody from
 * here. What fails is not tried again at once: the job that asked for it has more time.
 */
export class GuardedWebPages extends WebPages {
  readonly adapter: string;
  readonly traits: Traits;

  constructor(
    private readonly inner: WebPages,
    private readonly dependency: Dependency,
    private readonly limits: Limits,
    private readonly hostRate: Rate,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
  }

  assertAllowed(url: string): void {
    this.inner.assertAllowed(url);
  }

  /** @throws also DependencyError, when it is not our turn with the host or with the web at all */
  async fetch(url: string): Promise<FetchedPage> {
    this.inner.assertAllowed(url);
    return this.dependency.call('fetch', async (signal) => {
      await this.takeTurn(new URL(url).hostname);
      return this.inner.fetch(url, signal);
    });
  }

  private async takeTurn(hostname: string): Promise<void> {
    const { name } = this.dependency;
    const grant = await this.limits.take(`${name}.host.${hostname}`, this.hostRate, 1);
    if (grant.granted) return;
    throw new DependencyError(name, 'fetch', 'rate_limited', {
      retryAfterMs: grant.waitMs,
      transient: true,
      counts: false,
    });
  }
}
