import { Deadline } from '../../kernel/deadline.js';
import type { Dependency, Traits } from '../../resilience/dependency.js';
import { WebSearch, type WebPage } from './web-search.js';

// The most that it takes of a request's time: the answer is still to be made.
const REQUEST_SHARE = 0.3;
// So much earlier the adapter gives up by itself, also in a process that is busy: it knows what it waited for, and its word
// is counted. Where a request leaves less time than that, nothing is.
const MARGIN_MS = 250;

/** The search of the web behind its circuit, its rate limit and its time limit. */
export class GuardedWebSearch extends WebSearch {
  readonly adapter: string;
  readonly traits: Traits;

  constructor(
    private readonly inner: WebSearch,
    private readonly dependency: Dependency,
    private readonly timeoutMs: number,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
  }

  find(query: string, limit: number): Promise<WebPage[]> {
    const leftMs = Deadline.current()?.remainingMs() ?? Infinity;
    return this.dependency.call('search', (signal) => this.inner.find(query, limit, signal, this.timeoutMs), {
      idempotent: true,
      withinMs: Math.min(this.timeoutMs + MARGIN_MS, REQUEST_SHARE * leftMs),
    });
  }

  check(signal: AbortSignal): Promise<void> {
    return this.inner.check(signal);
  }
}
