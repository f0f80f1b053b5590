import { Global, Module } from '@nestjs/common';
import { ServiceState } from '../kernel/service-state.js';
import { BootPlan } from './boot.plan.js';
import { Dependencies } from './dependencies.js';
import { Load } from './load/load.js';

@Global()
@Module({
  providers: [Dependencies, BootPlan, ServiceState, Load],
  exports: [Dependencies, BootPlan, ServiceState, Load],
})
export class ResilienceModule {}
