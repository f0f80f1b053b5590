import { readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import { CLOSE_MS } from '../../src/lifecycle/drain.js';
import { readSettings } from '../../src/config/settings.js';

const CLOSE_S = CLOSE_MS / 1_000;

const kubernetes = parseAllDocuments(readFileSync('ops/deploy/kubernetes.yaml', 'utf8')).map(
  (document) => document.toJS() as Record<string, any>,
);
const compose = parse(readFileSync('docker-compose.yml', 'utf8')) as Record<string, any>;
const dockerfile = readFileSync('ops/docker/Dockerfile', 'utf8');
const defaults = readSettings({});

describe('The deployment to Kubernetes', () => {
  const { spec } = kubernetes.find(({ kind }) => kind === 'Deployment')!['spec'].template;
  const [container] = spec.containers;
  const env = Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );
  const { startupProbe, livenessProbe, readinessProbe } = container;

  it('is out of the balancer before it stops serving', () => {
    const noticedS =
      readinessProbe.periodSeconds * readinessProbe.failureThreshold + readinessProbe.timeoutSeconds;
    expect(Number(env.DRAIN_DELAY_MS) / 1_000).toBeGreaterThan(noticedS);
  });

  it('has the time that a stop takes', () => {
    const stopS = (Number(env.DRAIN_DELAY_MS) + Number(env.DRAIN_TIMEOUT_MS)) / 1_000 + CLOSE_S;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(stopS);
  });

  it('waits for a schema as long as the start does, and is not restarted meanwhile', () => {
    const waitsS = startupProbe.periodSeconds * startupProbe.failureThreshold;
    expect(waitsS).toBeGreaterThanOrEqual(defaults.MIGRATION_TIMEOUT_MS / 1_000);
  });

  it('asks each probe what it is for, on the port that is served', () => {
    expect(startupProbe.httpGet.path).toBe('/api/v1/health/startup');
    expect(livenessProbe.httpGet.path).toBe('/api/v1/health/liveness');
    expect(readinessProbe.httpGet.path).toBe('/api/v1/health/readiness');
    expect(container.ports).toContainEqual({ name: 'http', containerPort: defaults.PORT });
    expect(container.ports).toContainEqual({ name: 'metrics', containerPort: defaults.PROMETHEUS_PORT });
  });

  it('may do nothing that it need not', () => {
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('is of the version that this is', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(container.image).toBe(`mainstay:${version}`);
  });
});

describe('The composition', () => {
  it('stops after the time that a stop takes', () => {
    const stopS = (defaults.DRAIN_DELAY_MS + defaults.DRAIN_TIMEOUT_MS) / 1_000 + CLOSE_S;
    expect(Number.parseInt(compose['services'].mainstay.stop_grace_period, 10)).toBeGreaterThanOrEqual(stopS);
  });

  it('publishes nothing to anybody but this machine', () => {
    const services = Object.values<{ ports?: string[] }>(compose['services']);
    for (const port of services.flatMap(({ ports = [] }) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});

describe('The image', () => {
  it('has the Node that everything was tested on', () => {
    const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    expect(dockerfile).toContain(`node:${devDependencies['node']}-`);
  });
});
