import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { metrics } from './events.js';

type Names = keyof typeof metrics;
type Labels = Record<string, string>;
type OfKind<K extends string> = {
  [N in Names]: (typeof metrics)[N] extends { kind: K } ? N : never;
}[Names];

const EVENT_LOOP_RESOLUTION_MS = 10;
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/**
 * What Prometheus reads. Each metric, and the labels that it may have, stands in `events.ts`: labels are names of ours
 * (routes, dependencies, statuses) and never anything out of a request, so that there can be only so many series.
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly counters = new Map<Names, Counter>();
  private readonly gauges = new Map<Names, Gauge>();
  private readonly histograms = new Map<Names, Histogram>();
  private readonly collectors: (() => void)[] = [];

  /** @param enabled whether anybody reads them: without, nothing is counted */
  constructor(private readonly enabled = true) {
    for (const [key, { kind, name, help, labels: labelNames, ...rest }] of Object.entries(metrics)) {
      const common = { name, help, labelNames: [...labelNames], registers: [this.registry] };
      if (kind === 'counter') this.counters.set(key as Names, new Counter(common));
      else if (kind === 'gauge') this.gauges.set(key as Names, new Gauge(common));
      else {
        const { buckets } = rest as { buckets: readonly number[] };
        this.histograms.set(key as Names, new Histogram({ ...common, buckets: [...buckets] }));
      }
    }
  }

  /** Of this process: its CPU, memory and event loop. It costs a little all the time, so only where somebody reads it. */
  watchProcess(): void {
    collectDefaultMetrics({
      register: this.registry,
      eventLoopMonitoringPrecision: EVENT_LOOP_RESOLUTION_MS,
    });
    // Gauges under the name of counters: Prometheus’s own judgement (promtool) rejects them.
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
  }

  count(name: OfKind<'counter'>, labels: Labels = {}, by = 1): void {
    if (this.enabled) this.counters.get(name)!.inc(labels, by);
  }

  observe(name: OfKind<'histogram'>, seconds: number, labels: Labels = {}): void {
    if (this.enabled) this.histograms.get(name)!.observe(labels, seconds);
  }

  set(name: OfKind<'gauge'>, value: number, labels: Labels = {}): void {
    this.gauges.get(name)!.set(labels, value);
  }

  /** @param collect sets what is known from memory, right before it is read */
  onRead(collect: () => void): void {
    this.collectors.push(collect);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  async text(): Promise<string> {
    for (const collect of this.collectors) collect();
    return this.registry.metrics();
  }
}
