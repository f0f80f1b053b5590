import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { boot, bootChild, type Booted } from '../support/boot.js';
import { ingest } from '../support/documents.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { temporaryFolder } from '../support/folder.js';
import { describeNeeding, programMissing } from '../support/needs.js';
import { Collector } from '../support/otlp.js';
import { type Provider, startProvider } from '../support/provider.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
const LAMP = { title: 'Lamp', content: 'The lamp burns colza oil in winter, and whale oil in summer.' };
const QUESTION = { question: 'What does the lamp burn in winter?' };

/** The metrics page, as it says itself where it is. */
const metricsOf = async (service: Pick<Booted, 'api'>) => {
  const { boot: steps } = (await service.api('GET', '/api/v1/health/diagnostics')).body;
  const { detail } = steps.find(({ step }: { step: string }) => step === 'metrics');
  return (await fetch(detail)).text();
};

describe('Server-Timing', () => {
  let service: Booted;
  beforeAll(async () => {
    service = await boot();
    await ingest(service.api, LAMP);
  });
  afterAll(() => service.close());

  const partsOf = (headers: Headers) =>
    Object.fromEntries(
      headers
        .get('server-timing')!
        .split(', ')
        .map((entry) => /^(\w+);dur=([\d.]+)$/.exec(entry)!)
        .map(([, name, ms]) => [name, Number(ms)]),
    );

  it('says on every answer what its time was spent on', async () => {
    const { headers } = await service.api('POST', '/api/v1/search', { query: 'lamp' });
    const parts = partsOf(headers);
    expect(Object.keys(parts)).toEqual(['database', 'vector', 'cache', 'llm', 'own', 'total']);
    expect(parts['own']).toBeLessThanOrEqual(parts['total']);
    const answered = partsOf((await service.api('POST', '/api/v1/answers', QUESTION)).headers);
    expect(answered['llm']).toBeGreaterThan(0);
  });

  it.each([
    ['GET', '/api/v1/nowhere', undefined, 404],
    ['POST', '/api/v1/search', {}, 422],
    ['POST', '/api/v1/search', '{', 400],
    ['GET', '/health', undefined, 200],
  ])('also where nothing was done: %s %s %j', async (method, path, body, status) => {
    const reply = await service.api(method, path, body, { 'content-type': 'application/json' });
    expect(reply.status).toBe(status);
    expect(Object.keys(partsOf(reply.headers))).toEqual(['own', 'total']);
  });

  it('not where it is not wanted', async () => {
    const silent = await boot({ SERVER_TIMING: 'false' });
    expect((await silent.api('GET', '/health')).headers.has('server-timing')).toBe(false);
    await silent.close();
  });
});

describe('The log', () => {
  it('names the request and the trace on each line that is for one, and says nothing of probes', async () => {
    const folder = await temporaryFolder();
    const service = bootChild({ DATA_DIR: folder.path, LOG_LEVEL: 'debug' });
    try {
      await service.ready();
      await ingest(service.api, LAMP);
      const id = 'a-request-of-mine';
      await service.api('POST', '/api/v1/search', { query: 'lamp' }, { ...CALLER, 'x-request-id': id });
      await service.api('POST', '/api/v1/search', { query: 7 }, { ...CALLER, 'x-request-id': `${id}-too` });
      for (let i = 0; i < 20; i += 1)
        for (const path of ['/health', '/api/v1/health/readiness', '/api/v1/health/startup'])
          await service.api('GET', path);
      const lines = await eventually(() => {
        const all = service
          .stdout()
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Record<string, any>);
        return all.some(({ request_id }) => request_id === `${id}-too`) ? all : undefined;
      });
      const ofMine = lines.filter(({ request_id }) => request_id === id);
      expect(ofMine.length).toBeGreaterThan(0);
      for (const line of ofMine) expect(line['trace_id']).toBe(TRACE);
      expect(ofMine.at(-1)).toMatchObject({
        event: 'request.answered',
        method: 'POST',
        path: '/api/v1/search',
        status: 200,
      });
      expect(lines.filter(({ path }) => /health/.test(path ?? ''))).toEqual([]);
    } finally {
      service.kill('SIGKILL');
      await service.exited;
      await folder.remove();
    }
  }, 60_000);
});

describe('Metrics', () => {
  let service: Booted;
  let provider: Provider;
  beforeAll(async () => {
    provider = await startProvider();
    service = await boot({
      PROMETHEUS_ENABLED: 'true',
      PROMETHEUS_PORT: '0',
      HEALTH_INTERVAL_MS: '300',
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_MODEL: 'model',
      ONLY_EMBEDDING_MODEL: 'embedding',
      ONLY_EMBEDDING_DIMENSION: '64',
    });
    await ingest(service.api, LAMP);
  });
  afterAll(async () => {
    await service.close();
    await provider.stop();
  });

  it('have the names that dashboards know, whatever their value is', async () => {
    await service.api('POST', '/api/v1/search', { query: 'lamp' });
    await service.api('POST', '/api/v1/answers', QUESTION);
    const expected = [
      /^http_requests_total\{method="POST",route="\/api\/v1\/search",status="200"\} [1-9]/m,
      /^http_request_duration_seconds_count\{method="POST",route="\/api\/v1\/search"\} [1-9]/m,
      /^vector_search_duration_seconds_count [1-9]/m,
      /^embedding_generation_errors_total 0$/m,
      /^embedding_generation_duration_seconds_count [1-9]/m,
      /^dependency_calls_total\{dependency="database",outcome="ok"\} [1-9]/m,
      /^dependency_circuit\{dependency="llm.only",state="closed"\} 1$/m,
      /^database_pool_connections\{dependency="database",state="idle"\} \d/m,
      /^jobs\{kind="ingest",state="queued"\} 0$/m,
      /^projection_lag_seconds 0$/m,
      /^vector_collection_points\{collection="documents"\} \d/m,
      /^process_cpu_seconds_total [\d.]/m,
      /^nodejs_eventloop_lag_p99_seconds [\d.]/m,
      /^service_ready 1$/m,
    ];
    await eventuallyHolds(async () => {
      const text = await metricsOf(service);
      expect(expected.filter((line) => !line.test(text))).toEqual([]);
    });
  });

  it('count what fails, and when it is over', async () => {
    await provider.behave({ kind: 'status', status: 500, on: ['embeddings'] });
    await eventually(async () => {
      await service.api('POST', '/api/v1/search', { query: `lamp ${Math.random()}` });
      return /^dependency_up\{dependency="embeddings.only"\} 0.5/m.test(await metricsOf(service));
    });
    expect(await metricsOf(service)).toMatch(/^embedding_generation_errors_total [1-9]/m);
    expect(await metricsOf(service)).toMatch(
      /^dependency_faults_total\{dependency="embeddings.only",reason="failed"\} [1-9]/m,
    );
    await provider.behave(undefined);
    await eventually(async () => {
      await service.api('POST', '/api/v1/search', { query: `lamp ${Math.random()}` });
      return /^dependency_outage_seconds_count\{dependency="embeddings.only"\} [1-9]/m.test(
        await metricsOf(service),
      );
    });
  }, 60_000);

  it('are fewer than two thousand series whatever is asked for', async () => {
    await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        service.api(
          i % 2 === 0 ? 'GET' : 'POST',
          `/${i % 3 === 0 ? 'api/v1/documents' : 'x'}/${i}?q=${i}`,
          undefined,
          {
            'x-request-id': `id-${i}`,
          },
        ),
      ),
    );
    const series = (await metricsOf(service))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(series.length).toBeLessThan(2_000);
    expect(series.filter((line) => line.includes('route="none"')).length).toBeGreaterThan(0);
    expect(series.join('\n')).not.toMatch(/id-\d|\/x\/\d/);
  });

  it('are served where they are, and nothing else is', async () => {
    const { boot: steps } = (await service.api('GET', '/api/v1/health/diagnostics')).body;
    const { detail } = steps.find(({ step }: { step: string }) => step === 'metrics');
    expect((await fetch(detail.replace('/metrics', '/'))).status).toBe(404);
    expect((await fetch(detail, { method: 'POST' })).status).toBe(404);
    expect((await fetch(detail)).headers.get('content-type')).toMatch(/^text\/plain/);
    expect((await service.api('GET', '/metrics')).status).toBe(404);
  });

  describeNeeding(programMissing('promtool'), 'for Prometheus’s own judgement', () => {
    it('are without fault', async () => {
      const text = await metricsOf(service);
      // It says on standard error what it finds.
      const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], {
        input: text,
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    });
  });

  it('cost the service nothing where their port is taken', async () => {
    const holder = createServer();
    holder.listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const other = await boot({ PROMETHEUS_ENABLED: 'true', PROMETHEUS_PORT: String(port) });
    expect((await other.api('GET', '/api/v1/health/readiness')).status).toBe(200);
    await other.close();
    holder.close();
  });
});

describe('Traces', () => {
  let collector: Collector;
  let provider: Provider;
  beforeAll(async () => {
    [collector, provider] = await Promise.all([Collector.start(), startProvider()]);
  });
  afterAll(() => Promise.all([collector.stop(), provider.stop()]));

  it('have a part for the request and one for each call out of the process, and go on at the provider', async () => {
    const service = await boot({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=of-mine',
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_MODEL: 'model',
    });
    try {
      await ingest(service.api, LAMP);
      await service.api('POST', '/api/v1/answers', QUESTION, CALLER);
      await provider.behave({ kind: 'status', status: 500, on: ['chat'] });
      await service.api('POST', '/api/v1/answers', QUESTION, CALLER);
    } finally {
      await service.close();
    }
    const spans = collector.spans.filter(({ traceId }) => traceId === TRACE);
    const requests = spans.filter(({ name }) => name === 'POST /api/v1/answers');
    expect(requests).toHaveLength(2);
    const [request] = requests;
    expect(request!.parentSpanId).toBe('00f067aa0ba902b7');
    const parts = spans.filter(({ parentSpanId }) => parentSpanId === request!.spanId);
    expect(parts.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'database search by words',
        'vector_store search',
        'embeddings embed',
        'llm.only write',
      ]),
    );
    const asked = provider.of('chat')[0]!.headers['traceparent'];
    const answer = parts.find(({ name }) => name === 'llm.only write')!;
    expect(asked).toBe(`00-${TRACE}-${answer.spanId}-01`);
    expect(spans.find(({ name, status }) => name === 'llm.only write' && status?.code === 2)).toBeDefined();
    expect(collector.headers[0]).toMatchObject({ 'x-key': 'of-mine' });
    expect(JSON.stringify(spans)).not.toContain('colza');
  }, 60_000);

  it('are passed on where none are made, and a header that cannot be read begins a new one', async () => {
    await provider.behave(undefined);
    provider.requests.length = 0;
    const service = await boot({ LLM_PROVIDERS: 'only', ONLY_BASE_URL: provider.url, ONLY_MODEL: 'model' });
    try {
      await ingest(service.api, LAMP);
      await service.api('POST', '/api/v1/answers', QUESTION, CALLER);
      await service.api('POST', '/api/v1/answers', QUESTION, { traceparent: 'rubbish' });
      const [mine, other] = provider.of('chat').map(({ headers }) => String(headers['traceparent']));
      expect(mine).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
      expect(other).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
      expect(other).not.toContain(TRACE);
    } finally {
      await service.close();
    }
  }, 60_000);

  it('cost nothing where their collector is away', async () => {
    const service = await boot({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
    await eventuallyHolds(async () =>
      expect((await service.api('POST', '/api/v1/search', { query: 'lamp' })).status).toBe(200),
    );
    await service.close();
  }, 60_000);
});
