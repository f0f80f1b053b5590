import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { BootPlan } from '../resilience/boot.plan.js';
import { events } from '../telemetry/events.js';
import { Metrics } from '../telemetry/metrics.js';

/** GET /metrics on a port of its own: it is for those who watch the service, and not for those who call it. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Metrics');
  private server: Server | undefined;

  constructor(
    private readonly metrics: Metrics,
    private readonly settings: Settings,
    private readonly plan: BootPlan,
  ) {}

  /** Where it listens; undefined where it does not. */
  get port(): number | undefined {
    return (this.server?.address() as { port: number } | null | undefined)?.port;
  }

  /** A port that is taken costs the metrics and not the service. */
  async onApplicationBootstrap(): Promise<void> {
    const { PROMETHEUS_ENABLED: enabled, PROMETHEUS_PORT: port, host } = this.settings;
    if (!enabled) return;
    this.metrics.watchProcess();
    const startedMs = performance.now();
    const server = createServer((request, response) => void this.serve(request, response));
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen(port, host, () => resolve(undefined));
    });
    if (failure !== undefined) {
      const text = `No metrics: port ${port} on ${host} cannot be used (${failure.code}). Set PROMETHEUS_PORT, or PROMETHEUS_ENABLED=false`;
      this.logger.warn({ event: events.metricsAbsent, code: failure.code }, text);
      return;
    }
    this.server = server;
    this.plan.note('metrics', `http://${host}:${this.port}/metrics`, performance.now() - startedMs);
  }

  onApplicationShutdown(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = request.url!.split('?');
    if (path !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('There is GET /metrics here\n');
      return;
    }
    const text = await this.metrics.text();
    response.writeHead(200, { 'content-type': this.metrics.contentType }).end(text);
  }
}
