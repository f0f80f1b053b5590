import { Controller, Get, Headers, HttpCode, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
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

  @Get(['health', 'health/live', 'api/v1/health/liveness'])
  @ApiOperation({
    summary: 'Whether the process can answer at all.',
    description: 'A restart mends nothing else, so nothing else is looked at.',
  })
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

  @Get(['api/v1/health/readiness', 'health/ready'])
  @ApiOperation({ summary: 'Whether traffic should come here: 200 or 503, with the same body either way.' })
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

  @Get('api/v1/health/startup')
  @ApiOperation({ summary: '503 until everything has been opened, then 200.' })
  @Scope('public')
  startup(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.status(this.readiness.booted ? 200 : 503);
    return { status: this.readiness.booted ? 'started' : 'starting', timestamp: new Date().toISOString() };
  }

  @Get(['api/v1/health/diagnostics', 'health/detailed'])
  @ApiOperation({
    summary:
      'Everything that an operator wants to know: as JSON, as a page (`Accept: text/html`), or as `application/health+json`.',
    description: 'Operators only. Also at `/health/`, which http/server.ts sends here.',
  })
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
