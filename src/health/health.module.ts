import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CircuitOrders } from './circuit.orders.js';
import { Diagnostics } from './diagnostics.js';
import { HealthController } from './health.controller.js';
import { MaintenanceSwitch } from './maintenance.js';
import { MetricsCollector } from './metrics.collector.js';
import { MetricsServer } from './metrics.server.js';
import { OperationsController } from './operations.controller.js';
import { ProcessWatch } from './process.watch.js';
import { Readiness } from './readiness.js';
import { Sampler } from './sampler.js';

@Module({
  imports: [TerminusModule],
  controllers: [HealthController, OperationsController],
  providers: [
    CircuitOrders,
    Diagnostics,
    MaintenanceSwitch,
    MetricsCollector,
    MetricsServer,
    ProcessWatch,
    Readiness,
    Sampler,
  ],
})
export class HealthModule {}
