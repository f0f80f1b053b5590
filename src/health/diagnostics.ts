import { statfs } from 'node:fs/promises';
import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { SERVICE, VERSION } from '../config/identity.js';
import { settingInfo } from '../config/setting.js';
import { Settings, settingsSchema } from '../config/settings.js';
import { ServiceState } from '../kernel/service-state.js';
import { BootPlan } from '../resilience/boot.plan.js';
import { Dependencies } from '../resilience/dependencies.js';
import type { Dependency } from '../resilience/dependency.js';
import { Load } from '../resilience/load/load.js';
import { Traffic } from '../telemetry/traffic.js';
import { Vitals } from '../telemetry/vitals.js';
import { delayOf } from './loop.delay.js';
import { ProcessWatch } from './process.watch.js';
import { Readiness } from './readiness.js';
import { diagnose, type Patient } from './root.cause.js';

export type DiagnosticsReport = Awaited<ReturnType<Diagnostics['report']>>;

/** What an operator wants to know, out of memory: asking for it costs no dependency a call. */
@Injectable()
export class Diagnostics implements OnApplicationShutdown {
  private cpu = { atMs: performance.now(), usage: process.cpuUsage() };
  private readonly loop = monitorEventLoopDelay({ resolution: 10 });

  constructor(
    private readonly dependencies: Dependencies,
    private readonly plan: BootPlan,
    private readonly readiness: Readiness,
    private readonly state: ServiceState,
    private readonly watch: ProcessWatch,
    private readonly traffic: Traffic,
    private readonly vitals: Vitals,
    private readonly load: Load,
    private readonly settings: Settings,
  ) {
    this.loop.enable();
  }

  onApplicationShutdown(): void {
    this.loop.disable();
  }

  async report() {
    const { queues, projection } = this.vitals.read();
    const { blocked, jumped } = this.watch;
    const { overloadedSince } = this.load;
    const diagnosis = diagnose([...this.dependencies].map(patientOf), { blocked, jumped, overloadedSince });
    return {
      status: this.readiness.verdict,
      ...diagnosis,
      service: SERVICE,
      version: VERSION,
      environment: this.settings.ENVIRONMENT,
      timestamp: new Date().toISOString(),
      uptime_s: Math.round(process.uptime()),
      maintenance: this.state.maintenance ?? null,
      boot: this.plan.steps,
      dependencies: Object.fromEntries([...this.dependencies].map((d) => [d.name, describe(d)])),
      recent_changes: this.dependencies.changes(),
      traffic: this.traffic.report(),
      load: this.load.report(),
      queues: queues ?? null,
      projection: projection ?? null,
      connection_reuse: reuseOf([...this.dependencies]),
      system: await this.system(),
      settings: this.presence(),
    };
  }

  private async system() {
    const memory = process.memoryUsage();
    const disk = await statfs(this.settings.DATA_DIR).catch(() => undefined);
    return {
      pid: process.pid,
      node: process.version,
      cpus: cpus().length,
      load_1m: loadavg()[0],
      cpu_share: this.cpuShare(),
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
      event_loop_delay_ms: delayOf(this.loop),
    };
  }

  /** Of one core, since it was last asked: 0.5 is half of the time. */
  private cpuShare(): number {
    const [atMs, { user, system }] = [performance.now(), process.cpuUsage(this.cpu.usage)];
    const share = (user + system) / 1_000 / Math.max(1, atMs - this.cpu.atMs);
    this.cpu = { atMs, usage: process.cpuUsage() };
    return Math.round(share * 1_000) / 1_000;
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

function patientOf({ name, criticality, status, troubles, affects, setting, within }: Dependency): Patient {
  const { state, reason, since } = status;
  return { name, criticality, state, reason, since, troubles: troubles.recent(), affects, setting, within };
}

function describe(dependency: Dependency) {
  const { status, circuit, statistics, concurrency } = dependency;
  return {
    adapter: dependency.adapter,
    traits: dependency.traits,
    criticality: dependency.criticality,
    status: status.state,
    reason: status.reason,
    since: status.since,
    last_check: status.observedAt,
    last_check_age_ms: status.observedAt === null ? null : Date.now() - status.observedAt.getTime(),
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
    troubles: dependency.troubles.recent(),
    ...dependency.facts,
    last_error: dependency.lastError,
  };
}

/** How often a connection that was there already was used, where a dependency counts its connections. */
function reuseOf(dependencies: readonly Dependency[]) {
  return Object.fromEntries(
    dependencies.flatMap(({ name, facts, statistics }) => {
      const { connects } = facts as { connects?: number };
      if (connects === undefined) return [];
      const { ok, slow, fault, neutral } = statistics.counts;
      const calls = ok + slow + fault + neutral;
      const share = calls === 0 ? null : Math.round((1 - Math.min(1, connects / calls)) * 1_000) / 1_000;
      return [[name, { calls, connects, reused_share: share }]];
    }),
  );
}
