import { Controller, Get, Headers, HttpCode, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { SERVICE, VERSION } from '../config/identity.js';
import { Settings } from '../config/settings.js';
import { Scope } from '../http/access.js';
import { Diagnostics } from './diagnostics.js';
import { diagnosticsPage, PAGE_POLICY } from './diagnostics.page.js';
import { healthJson } from './health.json.js';
import { Readiness } from './readiness.js';

/** Probes. None of them calls a dependency: whatever is sick, they answer at once. */
@ApiTags('Health')
@Controller()
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly diagnostics: Diagnostics,
    private readonly settings: Settings,
  ) {}

  /** Whether the process can answer at all. A restart mends nothing else, so nothing else is looked at. */
  @Get(['health', 'health/live', 'api/v1/health/liveness'])
  @Scope('public')
  @HttpCode(200)
  live() {
    return {
      status: 'ok',
      service: SERVICE,
      version: VERSION,
      environment: this.settings.ENVIRONMENT,
      uptime_s: Math.round(process.uptime()),
      timestamp: new Date().toISOString(),
    };
  }

  /** Whether traffic should come here: 200 or 503, with the same body either way. */
  @Get(['api/v1/health/readiness', 'health/ready'])
  @Scope('public')
  ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const { verdict } = this.readiness;
    const healthy = verdict === 'ready' || verdict === 'degraded';
    void reply.status(healthy ? 200 : 503);
    return {
      status: verdict,
      overall_healthy: healthy,
      service: SERVICE,
      version: VERSION,
      checks: this.readiness.checks(),
      timestamp: new Date().toISOString(),
    };
  }

  /** 503 until everything has been opened, then 200. */
  @Get('api/v1/health/startup')
  @Scope('public')
  startup(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.status(this.readiness.booted ? 200 : 503);
    return { status: this.readiness.booted ? 'started' : 'starting', timestamp: new Date().toISOString() };
  }

  /**
   * Everything that an operator wants to know: as JSON, as a page (`Accept: text/html`), or as `application/health+json`.
   * Operators only. Also at `/health/`, which http/server.ts sends here.
   */
  @Get(['api/v1/health/diagnostics', 'health/detailed'])
  @Scope('operate')
  async details(
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const report = await this.diagnostics.report();
    void reply.header('Cache-Control', 'no-store');
    if (accept?.includes('application/health+json') === true) {
      // As bytes: the framework would say that it is plain JSON.
      void reply.type('application/health+json');
      return Buffer.from(JSON.stringify(healthJson(report)));
    }
    if (accept?.includes('text/html') !== true) return report;
    void reply.type('text/html').header('Content-Security-Policy', PAGE_POLICY);
    return diagnosticsPage(report);
  }
}
