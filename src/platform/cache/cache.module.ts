import { Global, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { redisAddress } from '../../config/redis.address.js';
import { Settings } from '../../config/settings.js';
import { BootPlan } from '../../resilience/boot.plan.js';
import { Dependencies } from '../../resilience/dependencies.js';
import { Fleet } from '../../resilience/fleet.js';
import { Limits } from '../../resilience/limits.js';
import { Broker } from './broker.js';
import { BrokerFleet } from './broker.fleet.js';
import { Cache } from './cache.js';
import { Commons } from './commons.js';
import { MemoryCommons } from './memory.commons.js';
import { RedisCommons } from './redis.commons.js';

/** The cache, the limits that are counted together, and the messages between replicas: in Redis where there is one. */
@Global()
@Module({
  providers: [
    {
      provide: Commons,
      inject: [Settings, Dependencies],
      useFactory: (settings: Settings, dependencies: Dependencies) => {
        const address = settings.REDIS_URL === undefined ? undefined : redisAddress(settings.REDIS_URL);
        return address === undefined
          ? new MemoryCommons({ settings, dependencies })
          : new RedisCommons({ settings, dependencies }, address);
      },
    },
    { provide: Cache, inject: [Commons], useFactory: (commons: Commons) => commons.cache },
    { provide: Limits, inject: [Commons], useFactory: (commons: Commons) => commons.limits },
    { provide: Broker, inject: [Commons], useFactory: (commons: Commons) => commons.broker },
    { provide: Fleet, inject: [Broker], useFactory: (broker: Broker) => new BrokerFleet(broker) },
  ],
  exports: [Cache, Limits, Broker, Fleet],
})
export class CacheModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly commons: Commons,
    private readonly plan: BootPlan,
  ) {}

  onModuleInit(): void {
    const { dependency } = this.commons;
    this.plan.add({ name: dependency.name, dependency, run: (signal) => this.commons.open(signal) });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.commons.close();
  }
}
