import { Global, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { KeyRing } from '../../kernel/key-ring.js';
import { Broker } from '../../platform/cache/broker.js';
import { KeysController } from './keys.controller.js';
import { KeysRepository } from './keys.repository.js';
import { KEY_CHANGED, Keys } from './keys.service.js';
import { RememberedKeys } from './remembered.keys.js';
import { TokensController } from './tokens.controller.js';

/** API keys; and, for whoever has to know who is asking, the ring of those that were handed out. */
@Global()
@Module({
  controllers: [KeysController, TokensController],
  providers: [
    Keys,
    KeysRepository,
    {
      provide: RememberedKeys,
      inject: [KeysRepository, Settings],
      useFactory: (keys: KeysRepository, { SECRET_KEY: secret }: Settings) =>
        new RememberedKeys(keys, secret),
    },
    { provide: KeyRing, useExisting: RememberedKeys },
  ],
  exports: [KeyRing],
})
export class KeysModule implements OnModuleInit, OnApplicationShutdown {
  private unsubscribe = () => {};

  constructor(
    private readonly ring: RememberedKeys,
    private readonly broker: Broker,
  ) {}

  onModuleInit(): void {
    this.unsubscribe = this.broker.subscribe(KEY_CHANGED, ({ id }) => this.ring.forget(String(id)));
  }

  onApplicationShutdown(): void {
    this.unsubscribe();
  }
}
