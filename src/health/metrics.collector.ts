import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Dependencies } from '../resilience/dependencies.js';
import type { Dependency } from '../resilience/dependency.js';
import { Load } from '../resilience/load/load.js';
import { Metrics } from '../telemetry/metrics.js';
import { Traffic } from '../telemetry/traffic.js';
import { type Vital, Vitals } from '../telemetry/vitals.js';
import { Readiness } from './readiness.js';

const STATE_VALUE = { up: 1, degraded: 0.5, down: 0 } as const;
const CIRCUIT_STATES = ['closed', 'open', 'half_open', 'isolated'] as const;

/** Sets, whenever metrics are read, those that are a state and not a count: from memory, as everything else that is read. */
@Injectable()
export class MetricsCollector implements OnModuleInit {
  constructor(
    private readonly metrics: Metrics,
    private readonly dependencies: Dependencies,
    private readonly readiness: Readiness,
    private readonly traffic: Traffic,
    private readonly vitals: Vitals,
    private readonly load: Load,
  ) {}

  onModuleInit(): void {
    this.metrics.onRead(() => this.collect());
  }

  private collect(): void {
    const { metrics } = this;
    const { verdict } = this.readiness;
    metrics.set('ready', verdict === 'ready' || verdict === 'degraded' ? 1 : 0);
    metrics.set('requestsUnderWay', this.traffic.report().in_flight);
    this.pressure();
    for (const dependency of this.dependencies) this.state(dependency);
    const { queues, projection } = this.vitals.read();
    if (queues !== undefined) this.queues(queues);
    const lagS = projection?.['lag_s'];
    if (typeof lagS === 'number') metrics.set('projectionLagSeconds', lagS);
  }

  private pressure(): void {
    for (const [lane, { overloaded_since: since, active, limit }] of Object.entries(this.load.report())) {
      this.metrics.set('overloaded', since === null ? 0 : 1, { lane });
      this.metrics.set('activeRequests', active, { lane });
      this.metrics.set('activeLimit', limit ?? Infinity, { lane });
    }
  }

  private state({ name, status, circuit, facts }: Dependency): void {
    const { metrics } = this;
    metrics.set('up', STATE_VALUE[status.state], { dependency: name });
    for (const state of CIRCUIT_STATES)
      metrics.set('circuit', circuit.at === state ? 1 : 0, { dependency: name, state });
    const { pool, lag_ms: lagMs, collections } = facts as Facts;
    if (pool !== undefined) {
      metrics.set('poolConnections', pool.idle, { dependency: name, state: 'idle' });
      metrics.set('poolConnections', pool.in_use, { dependency: name, state: 'in_use' });
      metrics.set('poolWaiting', pool.waiting, { dependency: name });
      metrics.set('poolAcquireSeconds', pool.acquire_p95_ms / 1_000, { dependency: name });
    }
    if (typeof lagMs === 'number') metrics.set('replicaLagSeconds', lagMs / 1_000, { dependency: name });
    for (const { alias, points } of Object.values(collections ?? {}))
      if (alias !== undefined) metrics.set('points', points, { collection: alias });
  }

  /** `ingest_queued`, `ingest_running`, … */
  private queues(vital: Vital): void {
    for (const [name, value] of Object.entries(vital)) {
      const [, kind, state] = /^(\w+)_(queued|running|failed)$/.exec(name) ?? [];
      if (kind !== undefined && state !== undefined && typeof value === 'number')
        this.metrics.set('jobs', value, { kind, state });
    }
  }
}

/** What dependencies say of themselves, as far as it is measured. */
interface Facts {
  pool?: { idle: number; in_use: number; waiting: number; acquire_p95_ms: number };
  lag_ms?: number | null;
  collections?: Record<string, { alias?: string; points: number }>;
}
