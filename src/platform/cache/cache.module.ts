import { Global, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Dependencies } from '../../resilience/dependencies.js';
import { Cache } from './cache.js';
import { GuardedCache } from './guarded.cache.js';
import { MemoryCache } from './memory.cache.js';

const TIMEOUT_MS = 250;

/** The memory of this process. */
@Global()
@Module({
  providers: [
    {
      provide: Cache,
      inject: [Dependencies],
      useFactory: (dependencies: Dependencies) => {
        const adapter = new MemoryCache();
        const dependency = dependencies.register({
          name: 'cache',
          criticality: 'optional',
          adapter: adapter.adapter,
          traits: adapter.traits,
          classify: () => undefined,
          check: () => adapter.check(),
          timeoutMs: TIMEOUT_MS,
        });
        return new GuardedCache(adapter, dependency);
      },
    },
  ],
  exports: [Cache],
})
export class CacheModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly cache: Cache,
    private readonly dependencies: Dependencies,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.dependencies.open(this.dependencies.get('cache')!, (signal) => this.cache.check(signal));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.cache.close();
  }
}
