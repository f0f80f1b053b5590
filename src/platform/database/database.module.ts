import { Global, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { BootPlan } from '../../resilience/boot.plan.js';
import { Dependencies } from '../../resilience/dependencies.js';
import type { Dependency } from '../../resilience/dependency.js';
import type { Fault } from '../../resilience/dependency-error.js';
import { APP_ROLE } from './app.role.js';
import { Database, type PoolStatus } from './database.js';
import { GuardedDatabase } from './guarded.database.js';
import { Idempotency } from './idempotency.js';
import { PgliteDatabase } from './pglite.database.js';
import { classifyPostgres } from './postgres.faults.js';
import { PostgresDatabase } from './postgres.database.js';
import { NoStandby, ReplicaDatabase } from './replica.database.js';
import { ReplicaBehind, ReplicaWatch } from './replica.watch.js';
import { RoutedDatabase } from './routed.database.js';

// With the check that follows it: a server that hangs is found out within a second.
const DOUBT_MS = 350;

/** `DATABASE_URL` set → a PostgreSQL server, with a replica where `DATABASE_REPLICA_URL` is set; else PGlite in `DATA_DIR`. */
@Global()
@Module({
  providers: [
    {
      provide: Database,
      inject: [Settings, Dependencies],
      useFactory: (settings: Settings, dependencies: Dependencies) => {
        const { DATABASE_URL: url, DATABASE_REPLICA_URL: replicaUrl } = settings;
        const adapter =
          url === undefined ? new PgliteDatabase(settings) : new PostgresDatabase(settings, url);
        const dependency = register(dependencies, adapter, settings);
        return url === undefined || replicaUrl === undefined
          ? new GuardedDatabase(adapter, dependency)
          : withReplica(dependencies, settings, { adapter, dependency, replicaUrl });
      },
    },
    Idempotency,
  ],
  exports: [Database, Idempotency],
})
export class DatabaseModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly database: Database,
    private readonly dependencies: Dependencies,
    private readonly plan: BootPlan,
    private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    const { database, plan } = this;
    const dependency = this.dependencies.get('database')!;
    plan.add({ name: 'database', dependency, run: (signal) => database.reach(signal) });
    plan.add({
      name: 'migrations',
      after: ['database'],
      dependency,
      timeoutMs: this.settings.MIGRATION_TIMEOUT_MS,
      run: (signal) => database.open(signal),
    });
    if (!(database instanceof RoutedDatabase)) return;
    plan.add({
      name: 'database_replica',
      after: ['migrations'],
      dependency: this.dependencies.get('database_replica')!,
      run: (signal) => database.openReplica(signal),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}

function register(dependencies: Dependencies, adapter: Database, settings: Settings): Dependency {
  return dependencies.register({
    name: 'database',
    criticality: 'critical',
    adapter: adapter.adapter,
    traits: adapter.traits,
    classify: classifyPostgres,
    check: (signal) => adapter.check(signal),
    part: 'database',
    affects:
      'Every write is refused (503); questions get what the vector index alone can say, unverified, or nothing.',
    setting: adapter.traits.shared ? 'DATABASE_URL' : 'DATA_DIR',
    facts: () => poolFacts(adapter.pool()),
    // A transaction may hold several statements; each has its own, shorter limit.
    timeoutMs: 2 * settings.DB_STATEMENT_TIMEOUT_MS,
    // Only a server has connections to spare for a check while statements are under way.
    ...(adapter.traits.shared && { doubtMs: DOUBT_MS }),
  });
}

function withReplica(
  dependencies: Dependencies,
  settings: Settings,
  { adapter, dependency, replicaUrl }: { adapter: Database; dependency: Dependency; replicaUrl: string },
): Database {
  const role = settings.DATABASE_OWNER_URL === undefined ? APP_ROLE : undefined;
  const replica = new ReplicaDatabase(settings, replicaUrl, role);
  const replicas = dependencies.register({
    name: 'database_replica',
    criticality: 'optional',
    adapter: replica.adapter,
    traits: replica.traits,
    classify: classifyReplica,
    part: 'database',
    affects: 'Nothing that callers see: the primary answers what the replica would.',
    setting: 'DATABASE_REPLICA_URL',
    check: (signal) => watch.check(signal),
    facts: () => ({
      ...poolFacts(replica.pool()),
      lag_ms: Number.isFinite(watch.lagMs) ? Math.round(watch.lagMs) : null,
    }),
    timeoutMs: settings.DB_STATEMENT_TIMEOUT_MS,
  });
  const primary = new GuardedDatabase(adapter, dependency);
  const watch = new ReplicaWatch(primary, replica, replicas, settings.DATABASE_REPLICA_LAG_MAX_MS);
  return new RoutedDatabase(adapter, dependency, new GuardedDatabase(replica, replicas), watch);
}

/** As diagnostics show it. */
function poolFacts({ size, inUse, idle, waiting, acquireP95Ms, connects }: PoolStatus) {
  const acquire_p95_ms = Math.round(acquireP95Ms * 10) / 10;
  return { pool: { size, in_use: inUse, idle, waiting, acquire_p95_ms }, connects };
}

function classifyReplica(error: unknown): Fault | undefined {
  if (error instanceof NoStandby) return { reason: 'failed', transient: false };
  // It answers, and will be fresh again: nothing that a circuit could spare it.
  if (error instanceof ReplicaBehind) return { reason: 'slow', transient: true, counts: false };
  const fault = classifyPostgres(error);
  // A write that was called a stale read is a mistake of ours, and no fault of the replica.
  return fault?.reason === 'read_only' ? undefined : fault;
}
