import type { Metrics } from '../telemetry/metrics.js';
import type { Watcher } from './dependency.js';
import type { Reason } from './dependency-error.js';
import type { Outcome } from './statistics.js';

const VECTOR_STORE = 'vector_store';
const EMBEDDINGS = /^embeddings(\.|$)/;

/** Counts what happens to the dependencies, under our own names and under those that dashboards of earlier systems have. */
export class CallMetrics implements Watcher {
  /** @param onFault told of every call and check that failed */
  constructor(
    private readonly metrics: Metrics,
    private readonly onFault: (reason: Reason) => void,
  ) {}

  called(dependency: string, operation: string, outcome: Outcome, tookMs: number | undefined): void {
    const { metrics } = this;
    metrics.count('calls', { dependency, outcome });
    if (tookMs === undefined) return;
    const seconds = tookMs / 1_000;
    metrics.observe('callSeconds', seconds, { dependency });
    if (dependency === VECTOR_STORE && operation === 'search')
      metrics.observe('vectorSearchSeconds', seconds);
    if (!EMBEDDINGS.test(dependency)) return;
    metrics.observe('embeddingSeconds', seconds);
    if (outcome === 'fault') metrics.count('embeddingErrors');
  }

  failed(dependency: string, reason: Reason): void {
    this.metrics.count('faults', { dependency, reason });
    this.onFault(reason);
  }

  retried(dependency: string): void {
    this.metrics.count('retries', { dependency });
  }

  checked(dependency: string, passed: boolean): void {
    this.metrics.count('checks', { dependency, result: passed ? 'passed' : 'failed' });
  }

  /** It is up again. @param ms for how long it was not */
  recovered(dependency: string, ms: number): void {
    this.metrics.observe('outageSeconds', ms / 1_000, { dependency });
  }
}
