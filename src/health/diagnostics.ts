import { statfs } from 'node:fs/promises';
import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { SERVICE, VERSION } from '../config/identity.js';
import { settingInfo } from '../config/setting.js';
import { Settings, settingsSchema } from '../config/settings.js';
import { BootPlan } from '../resilience/boot.plan.js';
import { Dependencies } from '../resilience/dependencies.js';
import type { Dependency } from '../resilience/dependency.js';
import { Readiness } from './readiness.js';

/** What an operator wants to know, out of memory: asking for it costs no dependency a call. */
@Injectable()
export class Diagnostics implements OnApplicationShutdown {
  private readonly loop = monitorEventLoopDelay({ resolution: 10 });

  constructor(
    private readonly dependencies: Dependencies,
    private readonly plan: BootPlan,
    private readonly readiness: Readiness,
    private readonly settings: Settings,
  ) {
    this.loop.enable();
  }

  onApplicationShutdown(): void {
    this.loop.disable();
  }

  async report() {
    return {
      status: this.readiness.verdict,
      service: SERVICE,
      version: VERSION,
      environment: this.settings.ENVIRONMENT,
      timestamp: new Date().toISOString(),
      boot: this.plan.steps,
      dependencies: Object.fromEntries([...this.dependencies].map((d) => [d.name, describe(d)])),
      recent_changes: this.dependencies.changes(),
      system: await this.system(),
      settings: this.presence(),
    };
  }

  private async system() {
    const memory = process.memoryUsage();
    const disk = await statfs(this.settings.DATA_DIR).catch(() => undefined);
    return {
      uptime_s: Math.round(process.uptime()),
      pid: process.pid,
      node: process.version,
      cpus: cpus().length,
      load_1m: loadavg()[0],
      memory: {
        rss_bytes: memory.rss,
        heap_used_bytes: memory.heapUsed,
        system_free_bytes: freemem(),
        system_total_bytes: totalmem(),
      },
      // Absent where there is no data folder: PostgreSQL has its disk elsewhere.
      disk:
        disk === undefined
          ? null
          : { free_bytes: disk.bavail * disk.bsize, total_bytes: disk.blocks * disk.bsize },
      event_loop_delay_ms: {
        mean: round(this.loop.mean / 1e6),
        p99: round(this.loop.percentile(99) / 1e6),
        max: round(this.loop.max / 1e6),
      },
    };
  }

  /** Which settings are set; of secrets no more than that. */
  private presence(): Record<string, string | number | boolean | string[]> {
    return Object.fromEntries(
      Object.entries(settingsSchema.shape).map(([name, schema]) => {
        const value = this.settings[name as keyof typeof settingsSchema.shape];
        if (value === undefined) return [name, 'absent'];
        return [name, settingInfo.get(schema)?.secret === true ? 'present' : value];
      }),
    );
  }
}

function describe(dependency: Dependency) {
  const { status, circuit, statistics, concurrency, lastError } = dependency;
  return {
    adapter: dependency.adapter,
    traits: dependency.traits,
    criticality: dependency.criticality,
    status: status.state,
    reason: status.reason,
    since: status.since,
    last_check: status.observedAt,
    circuit: circuit.at,
    retry_in_ms:
      circuit.at === 'open' ? Math.max(0, Math.round(circuit.retryAtMs - performance.now())) : null,
    calls: {
      ...statistics.counts,
      retries: statistics.retries,
      retries_refused: statistics.retriesRefused,
    },
    concurrency:
      concurrency === undefined
        ? null
        : { max: concurrency.max, in_use: concurrency.inUse, waiting: concurrency.waiting },
    latency_ms: statistics.latencies() ?? null,
    ...dependency.facts,
    // The words of the vendor's error may hold an address or a user's name, and never more than its first line is needed.
    last_error:
      lastError === null ? null : { ...lastError, message: lastError.message.split('\n')[0]?.slice(0, 300) },
  };
}

function round(ms: number): number {
  return Number.isFinite(ms) ? Math.round(ms * 100) / 100 : 0;
}
