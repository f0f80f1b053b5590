import { readSettings } from '../config/settings.js';
import { Dependencies } from '../resilience/dependencies.js';
import { Load } from '../resilience/load/load.js';
import { Metrics } from '../telemetry/metrics.js';
import { Traffic } from '../telemetry/traffic.js';
import { Vitals } from '../telemetry/vitals.js';
import { MetricsCollector } from './metrics.collector.js';
import type { Readiness } from './readiness.js';

function collecting(verdict: string, facts: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  const [metrics, vitals] = [new Metrics(), new Vitals()];
  const dependencies = new Dependencies(readSettings({}), metrics);
  dependencies.register({
    name: 'thing',
    criticality: 'optional',
    adapter: 'fake',
    traits: { durable: true, shared: true },
    classify: () => undefined,
    check: () => Promise.resolve(),
    facts: () => facts,
    timeoutMs: 1_000,
  });
  const readiness = { verdict } as unknown as Readiness;
  const load = new Load(readSettings(env), metrics, dependencies);
  new MetricsCollector(metrics, dependencies, readiness, new Traffic(), vitals, load).onModuleInit();
  return { metrics, vitals, load };
}

describe('MetricsCollector', () => {
  it.each([
    ['ready', 1],
    ['degraded', 1],
    ['not_ready', 0],
  ])('says %s as %i', async (verdict, value) => {
    expect(await collecting(verdict).metrics.text()).toMatch(new RegExp(`^service_ready ${value}$`, 'm'));
  });

  it('says how much is asked of this process, and how much of that is let in', async () => {
    const { metrics, load } = collecting('ready');
    for (let i = 0; i < 128; i += 1) await load.enter('models', 'chat', 'a');
    for (const line of [
      'overloaded{lane="models"} 0',
      'requests_active{lane="models"} 128',
      'requests_active_limit{lane="stores"} 128',
    ])
      expect(await metrics.text()).toContain(`http_${line}\n`);
    const refused = load.enter('models', 'chat', 'a');
    expect(await metrics.text()).toContain('http_overloaded{lane="models"} 1\n');
    await expect(refused).rejects.toMatchObject({ code: 'overloaded' });
    const without = collecting('ready', {}, { OVERLOAD_QUEUE_MS: '0' });
    expect(await without.metrics.text()).toContain('http_requests_active_limit{lane="models"} +Inf\n');
  });

  it('sets what is known, and leaves out what is not', async () => {
    const known = collecting('ready', {
      lag_ms: 1_500,
      collections: { documents_1: { alias: 'documents', points: 7 }, half_built: { points: 3 } },
    });
    known.vitals.add('queues', () => ({ ingest_queued: 4, age_s: 2, oldest_failed: null }));
    known.vitals.add('projection', () => ({ lag_s: 12 }));
    const text = await known.metrics.text();
    for (const line of [
      'database_replica_lag_seconds{dependency="thing"} 1.5',
      'vector_collection_points{collection="documents"} 7',
      'jobs{kind="ingest",state="queued"} 4',
      'projection_lag_seconds 12',
    ])
      expect(text).toContain(line);
    expect(text).not.toMatch(/half_built|kind="oldest"/);

    const unknown = collecting('ready', { lag_ms: null });
    unknown.vitals.add('projection', () => ({ lag_s: null }));
    expect(await unknown.metrics.text()).not.toMatch(/^database_replica_lag_seconds\{/m);
  });
});
