import { Global, Module } from '@nestjs/common';
import { ServiceState } from '../kernel/service-state.js';
import { BootPlan } from './boot.plan.js';
import { Dependencies } from './dependencies.js';

@Global()
@Module({
  providers: [Dependencies, BootPlan, ServiceState],
  exports: [Dependencies, BootPlan, ServiceState],
})
export class ResilienceModule {}
