import { diagnosticsPage } from './diagnostics.page.js';
import type { DiagnosticsReport } from './diagnostics.js';
import { healthJson } from './health.json.js';
import type { RootCause } from './root.cause.js';

const AT = new Date('2026-03-01T03:00:00Z');
const cause: RootCause = {
  dependency: 'database',
  cause: 'refused',
  since: AT.toISOString(),
  affects: 'Every write.',
  fix: 'Start it: `systemctl start postgresql`.',
  runbook: 'docs/runbooks.md#refused',
  evidence: null,
};
const calls = { ok: 1, slow: 0, fault: 2, neutral: 0, refused: 3, retries: 0, retries_refused: 0 };
const report = (more: Partial<DiagnosticsReport> = {}) =>
  ({
    status: 'ready',
    root_cause: null,
    others: [],
    consequences: [],
    service: 'mainstay',
    version: '1.2.3',
    environment: 'test',
    timestamp: AT.toISOString(),
    uptime_s: 59,
    maintenance: null,
    boot: [],
    dependencies: {
      database: {
        adapter: 'postgres',
        criticality: 'critical',
        status: 'up',
        reason: null,
        since: AT,
        circuit: 'closed',
        calls,
        latency_ms: null,
        last_error: null,
        last_check: AT,
      },
      cache: {
        adapter: 'redis',
        criticality: 'optional',
        status: 'down',
        reason: 'hung',
        since: AT,
        circuit: 'open',
        calls,
        latency_ms: { p50: 1, p95: 2, p99: 3, max: 4 },
        last_error: { operation: 'get', message: '<b>' },
        last_check: null,
      },
    },
    recent_changes: [],
    traffic: { in_flight: 1, requests_per_s: 2, errors: { not_found: 3 }, latency_ms: null },
    load: { stores: { overloaded_since: null }, models: { overloaded_since: AT.toISOString() } },
    queues: null,
    projection: null,
    system: {
      cpus: 2,
      load_1m: 0.5,
      cpu_share: 0.1,
      memory: { rss_bytes: 1_048_576 },
      disk: null,
      event_loop_delay_ms: { p99: 1 },
    },
    ...more,
  }) as unknown as DiagnosticsReport;

describe('The page of diagnostics', () => {
  it('says what is wrong before all else, what else is, and what is only a consequence', () => {
    const page = diagnosticsPage(
      report({
        root_cause: cause,
        others: [{ ...cause, dependency: 'llm.first', evidence: 'answer: no' }],
        consequences: ['vector_store'],
      }),
    );
    expect(page).toMatch(
      /<section class="card root"><h2>database: refused<\/h2>.*<code>systemctl start postgresql<\/code>/,
    );
    expect(page.indexOf('llm.first: refused')).toBeGreaterThan(page.indexOf('database: refused'));
    expect(page).toContain('Unwell because of it: vector_store');
    expect(page).toContain(AT.toISOString());
    expect(page).toContain('get: &#60;b&#62;');
    expect(page).not.toContain('<b>');
  });

  it.each([
    [59, 'up for 59 s'],
    [3_599, 'up for 59 min 59 s'],
    [7_260, 'up for 2 h 1 min'],
    [200_000, 'up for 2 d 7 h'],
  ])('tells %i seconds as people do: %s', (uptime_s, words) => {
    expect(diagnosticsPage(report({ uptime_s }))).toContain(words);
  });

  it('shows maintenance, what changed, the queues, and the disk where there is one', () => {
    const page = diagnosticsPage(
      report({
        maintenance: { since: AT, detail: 'Moving house', retryAfterMs: 1 },
        recent_changes: [
          { at: AT, dependency: 'cache', from: 'up', to: 'down', reason: 'hung' },
          { at: AT, dependency: 'cache', from: 'down', to: 'up', reason: null },
        ],
        queues: { ingest_queued: 7 },
        boot: [
          {
            step: 'database',
            verdict: 'waiting',
            took_ms: 5,
            detail: 'not yet',
            reason: 'hung',
            remedy: 'Look.',
          },
        ],
        system: { ...report().system, disk: { free_bytes: 2_097_152, total_bytes: 1 } },
      }),
    );
    for (const words of [
      'Moving house',
      'up → <span class="down">down</span> hung',
      '<dt>ingest queued</dt><dd>7</dd>',
      'not yet Look.',
      '2 MB',
    ])
      expect(page).toContain(words);
  });
});

describe('Diagnostics as application/health+json', () => {
  it('have the words of that format', () => {
    expect(healthJson(report())).toMatchObject({
      status: 'pass',
      version: '1',
      releaseId: '1.2.3',
      checks: {
        'database:status': [{ status: 'pass', componentType: 'datastore' }],
        'cache:status': [{ status: 'fail', output: 'hung' }],
      },
    });
    expect(healthJson(report({ status: 'not_ready', root_cause: cause }))).toMatchObject({
      status: 'fail',
      output: expect.stringContaining('database: refused'),
    });
  });
});
