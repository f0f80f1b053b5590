import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CircuitOrders } from './circuit.orders.js';
import { Diagnostics } from './diagnostics.js';
import { HealthController } from './health.controller.js';
import { MaintenanceSwitch } from './maintenance.js';
import { OperationsController } from './operations.controller.js';
import { Readiness } from './readiness.js';
import { Sampler } from './sampler.js';

@Module({
  imports: [TerminusModule],
  controllers: [HealthController, OperationsController],
  providers: [CircuitOrders, Diagnostics, MaintenanceSwitch, Readiness, Sampler],
})
export class HealthModule {}
