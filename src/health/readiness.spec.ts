import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TerminusModule } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { readSettings, Settings } from '../config/settings.js';
import { ServiceState } from '../kernel/service-state.js';
import { BootPlan } from '../resilience/boot.plan.js';
import { Dependencies } from '../resilience/dependencies.js';
import { Load } from '../resilience/load/load.js';
import { Metrics } from '../telemetry/metrics.js';
import { Traffic } from '../telemetry/traffic.js';
import { Vitals } from '../telemetry/vitals.js';
import { Diagnostics } from './diagnostics.js';
import { HealthController } from './health.controller.js';
import { ProcessWatch } from './process.watch.js';
import { Readiness } from './readiness.js';

async function health(env: Record<string, string> = {}) {
  Logger.overrideLogger(false);
  const settings = readSettings({ CIRCUIT_CONSECUTIVE_FAULTS: '1', ...env });
  const module = await Test.createTestingModule({
    imports: [TerminusModule],
    controllers: [HealthController],
    providers: [
      Readiness,
      Diagnostics,
      Dependencies,
      BootPlan,
      Load,
      Metrics,
      ProcessWatch,
      ServiceState,
      Traffic,
      Vitals,
      { provide: Settings, useValue: settings },
    ],
  }).compile();
  const dependencies = module.get(Dependencies);
  const check = jest.fn<() => Promise<void>>();
  const add = (name: string, criticality: 'critical' | 'optional') =>
    dependencies.register({
      name,
      criticality,
      adapter: 'fake',
      traits: { durable: true, shared: true },
      classify: () => ({ reason: 'unreachable', transient: false }),
      check,
      ...(name === 'database' && { facts: () => ({ pool: { size: 3 } }), concurrencyMax: 4 }),
      timeoutMs: 1_000,
    });
  const status = jest.fn();
  const reply = { status } as unknown as FastifyReply;
  return {
    module,
    controller: module.get(HealthController),
    diagnostics: module.get(Diagnostics),
    plan: module.get(BootPlan),
    state: module.get(ServiceState),
    add,
    check,
    reply,
    status,
  };
}

describe('HealthController', () => {
  it('is ready with everything up, and calls nothing to find out', async () => {
    const { controller, add, check, reply, status, module, plan } = await health();
    await plan.run();
    add('database', 'critical').observe(undefined);
    expect(controller.ready(reply)).toMatchObject({
      status: 'ready',
      overall_healthy: true,
      checks: {
        database: { status: 'up', criticality: 'critical', reason: null, age_ms: expect.any(Number) },
      },
    });
    expect(status).toHaveBeenCalledWith(200);
    expect(check).not.toHaveBeenCalled();
    await module.close();
  });

  it('stays ready, and degraded, while something optional is away', async () => {
    const { controller, add, reply, status, module, plan } = await health();
    await plan.run();
    add('database', 'critical');
    add('cache', 'optional').isolate();
    add('llm', 'optional').observe(new Error('no'));
    expect(controller.ready(reply)).toMatchObject({
      status: 'degraded',
      overall_healthy: true,
      checks: {
        cache: { status: 'down', reason: 'isolated' },
        llm: { status: 'degraded' },
        database: { observed_at: null, age_ms: null },
      },
    });
    expect(status).toHaveBeenCalledWith(200);
    await module.close();
  });

  it('is not ready while something critical is down, and answers with the same body', async () => {
    const { controller, add, reply, status, module, plan } = await health();
    await plan.run();
    add('database', 'critical').isolate();
    expect(controller.ready(reply)).toMatchObject({
      status: 'not_ready',
      overall_healthy: false,
      checks: { database: {} },
    });
    expect(status).toHaveBeenCalledWith(503);
    await module.close();
  });

  it('has started once everything is open, and turns away as soon as the process is told to stop', async () => {
    const { controller, plan, state, reply, status, module } = await health();
    expect(controller.startup(reply)).toMatchObject({ status: 'starting' });
    expect(status).toHaveBeenLastCalledWith(503);
    await plan.run();
    expect(controller.startup(reply)).toMatchObject({ status: 'started' });
    expect(status).toHaveBeenLastCalledWith(200);
    state.stop();
    expect(controller.ready(reply)).toMatchObject({ status: 'shutting_down', overall_healthy: false });
    await module.close();
  });

  it('is alive whatever is down', async () => {
    const { controller, add, module } = await health();
    add('database', 'critical').isolate();
    expect(controller.live()).toMatchObject({
      status: 'ok',
      service: 'mainstay',
      environment: 'development',
    });
    await module.close();
  });

  it('shows operators everything, and of secrets only that they are there', async () => {
    const secret = 'canary-canary-canary-canary-canary-canary';
    const env = { JWT_SECRET_KEY: secret, DATA_DIR: '/nowhere/at/all' };
    const { diagnostics, add, module } = await health(env);
    const database = add('database', 'critical');
    add('cache', 'optional');
    await database.call('get', () => Promise.reject(new Error('first line\nsecond line'))).catch(() => {});
    const report = await diagnostics.report();
    expect(report.dependencies['database']).toMatchObject({
      status: 'degraded',
      circuit: 'open',
      retry_in_ms: expect.any(Number),
      calls: { fault: 1, retries: 0, retries_refused: 0 },
      concurrency: { max: 4, in_use: 0, waiting: 0 },
      pool: { size: 3 },
      latency_ms: { p50: expect.any(Number) },
      last_error: { operation: 'get', message: 'first line' },
    });
    expect(report.dependencies['cache']).toMatchObject({
      latency_ms: null,
      last_error: null,
      retry_in_ms: null,
      concurrency: null,
    });
    expect(report.settings).toMatchObject({ JWT_SECRET_KEY: 'present', DATABASE_URL: 'absent', PORT: 8000 });
    expect(report.system.disk).toBeNull();
    expect(JSON.stringify(report)).not.toContain(secret);
    await module.close();
  });

  it('shows the disk that the data folder is on', async () => {
    const { diagnostics, module } = await health({ DATA_DIR: '/' });
    expect((await diagnostics.report()).system.disk).toMatchObject({ free_bytes: expect.any(Number) });
    await module.close();
  });
});
