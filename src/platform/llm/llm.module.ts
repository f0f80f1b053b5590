import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { BootPlan } from '../../resilience/boot.plan.js';
import { Dependencies } from '../../resilience/dependencies.js';
import { Embedder } from './embedder.js';
import { FailoverEmbedder } from './failover.embedder.js';
import { FailoverLlm } from './failover.llm.js';
import { FailoverRelay } from './failover.relay.js';
import { GuardedEmbedder } from './guarded.embedder.js';
import { HashingEmbedder } from './hashing.embedder.js';
import { Llm } from './llm.js';
import { Providers } from './providers.js';
import { Relay } from './relay.js';

const TIMEOUT_MS = 30_000;

// What stands in for a model where none is set up: a function of this process (quotation.ts), which is always there.
const QUOTING = {
  adapter: 'extractive',
  traits: { durable: true, shared: false, semantic: false },
  check: async () => {},
};

/**
 * Answers and embeddings: of the providers that the settings name, one behind the other; without any, quoted sentences and
 * likeness of words.
 */
@Global()
@Module({
  providers: [
    Providers,
    {
      provide: Llm,
      inject: [Dependencies, Settings, Providers],
      useFactory: (dependencies: Dependencies, settings: Settings, { models }: Providers): Llm => {
        if (models.length === 0) register(dependencies, 'llm', QUOTING, 'There are no answers (503).');
        return new FailoverLlm(models, settings.LLM_FIRST_TOKEN_TIMEOUT_MS);
      },
    },
    {
      provide: Embedder,
      inject: [Dependencies, Providers],
      useFactory: (dependencies: Dependencies, { embedders }: Providers): Embedder => {
        if (embedders.length > 0) return new FailoverEmbedder(embedders);
        const hashing = new HashingEmbedder();
        return new GuardedEmbedder(
          hashing,
          register(dependencies, 'embeddings', hashing, 'Search goes by words alone.'),
        );
      },
    },
    {
      provide: Relay,
      inject: [Settings, Providers],
      useFactory: (settings: Settings, { relays }: Providers): Relay =>
        new FailoverRelay(relays.chats, relays.embedders, settings.LLM_FIRST_TOKEN_TIMEOUT_MS),
    },
  ],
  exports: [Llm, Embedder, Relay],
})
export class LlmModule implements OnModuleInit {
  constructor(
    private readonly dependencies: Dependencies,
    private readonly providers: Providers,
    private readonly plan: BootPlan,
  ) {}

  onModuleInit(): void {
    const embedded = ['llm', 'embeddings'].map((name) => this.dependencies.get(name));
    const all = [
      ...this.providers.dependencies,
      ...embedded.filter((dependency) => dependency !== undefined),
    ];
    for (const dependency of all)
      this.plan.add({ name: dependency.name, dependency, run: () => dependency.check(TIMEOUT_MS) });
  }
}

function register(
  dependencies: Dependencies,
  name: string,
  adapter: Pick<Embedder, 'adapter' | 'traits' | 'check'>,
  affects: string,
) {
  return dependencies.register({
    name,
    criticality: 'optional',
    adapter: adapter.adapter,
    traits: adapter.traits,
    part: 'llm',
    affects,
    classify: () => undefined,
    check: (signal) => adapter.check(signal),
    timeoutMs: TIMEOUT_MS,
  });
}
