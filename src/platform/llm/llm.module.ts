import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { Dependencies } from '../../resilience/dependencies.js';
import { Embedder } from './embedder.js';
import { ExtractiveLlm } from './extractive.llm.js';
import { GuardedEmbedder } from './guarded.embedder.js';
import { GuardedLlm } from './guarded.llm.js';
import { HashingEmbedder } from './hashing.embedder.js';
import { Llm } from './llm.js';

const TIMEOUT_MS = 30_000;

/** Answers and embeddings without a model: quoted sentences, and likeness of words. */
@Global()
@Module({
  providers: [
    {
      provide: Llm,
      inject: [Dependencies],
      useFactory: (dependencies: Dependencies) => {
        const adapter = new ExtractiveLlm();
        return new GuardedLlm(adapter, register(dependencies, 'llm', adapter));
      },
    },
    {
      provide: Embedder,
      inject: [Dependencies],
      useFactory: (dependencies: Dependencies) => {
        const adapter = new HashingEmbedder();
        return new GuardedEmbedder(adapter, register(dependencies, 'embeddings', adapter));
      },
    },
  ],
  exports: [Llm, Embedder],
})
export class LlmModule implements OnModuleInit {
  constructor(
    private readonly llm: Llm,
    private readonly embedder: Embedder,
    private readonly dependencies: Dependencies,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.dependencies.open(this.dependencies.get('embeddings')!, (signal) =>
      this.embedder.check(signal),
    );
    await this.dependencies.open(this.dependencies.get('llm')!, (signal) => this.llm.check(signal));
  }
}

function register(dependencies: Dependencies, name: string, adapter: Llm | Embedder) {
  return dependencies.register({
    name,
    criticality: 'optional',
    adapter: adapter.adapter,
    traits: adapter.traits,
    classify: () => undefined,
    check: (signal) => adapter.check(signal),
    timeoutMs: TIMEOUT_MS,
  });
}
