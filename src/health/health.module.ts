import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Diagnostics } from './diagnostics.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';
import { Sampler } from './sampler.js';

@Module({
  imports: [TerminusModule],
  controllers: [HealthController],
  providers: [Diagnostics, Readiness, Sampler],
  exports: [Readiness],
})
export class HealthModule {}
