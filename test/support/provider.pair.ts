import { readSettings } from '../../src/config/settings.js';
import { Deadline } from '../../src/kernel/deadline.js';
import { MemoryLimits } from '../../src/platform/cache/memory.limits.js';
import { FailoverLlm } from '../../src/platform/llm/failover.llm.js';
import type { Completion, NoModel } from '../../src/platform/llm/llm.js';
import { Providers } from '../../src/platform/llm/providers.js';
import { Dependencies } from '../../src/resilience/dependencies.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { type Provider, type ProviderOptions, startProvider } from './provider.ts';

/** A question that its one passage answers. */
export const PROMPT = {
  instructions: 'Answer from the passages alone.',
  question: 'What does the lamp burn?',
  passages: [{ n: 1, title: 'Lamp', text: 'The lamp burns colza oil in winter. It is red.' }],
};

/** Two doubles, and the service's own part that asks them, as an operator sets it up. */
export class ProviderPair {
  dependencies: Dependencies;
  providers: Providers;
  private firstTokenMs: number;

  private constructor(
    readonly first: Provider,
    readonly second: Provider,
    private readonly defaults: Record<string, string>,
  ) {
    this.given({});
  }

  /** @param defaults settings, beside where the two are */
  static async start(defaults: Record<string, string>, options: ProviderOptions = {}): Promise<ProviderPair> {
    const [first, second] = await Promise.all([startProvider(options), startProvider(options)]);
    return new ProviderPair(first, second, defaults);
  }

  /** Sets the service's part up anew, with these settings above the defaults. */
  given(env: Record<string, string>): void {
    this.dependencies?.onApplicationShutdown();
    const settings = readSettings({
      LLM_PROVIDERS: 'first,second',
      FIRST_BASE_URL: this.first.url,
      SECOND_BASE_URL: this.second.url,
      ...this.defaults,
      ...env,
    });
    this.firstTokenMs = settings.LLM_FIRST_TOKEN_TIMEOUT_MS;
    this.dependencies = new Dependencies(settings, new Metrics());
    this.providers = new Providers(settings, this.dependencies, new MemoryLimits(1));
  }

  /** The models in their order. */
  llm(): FailoverLlm {
    return new FailoverLlm(this.providers.models, this.firstTokenMs);
  }

  /** Asks `PROMPT` for a request that has so long. */
  async asked(ms: number): Promise<(Completion | NoModel) & { tookMs: number }> {
    const startedMs = performance.now();
    const completion = await within(ms, () => this.llm().complete(PROMPT));
    return { ...completion, tookMs: performance.now() - startedMs };
  }

  circuitOf(name: string) {
    return this.dependencies.get(name)!.circuit.at;
  }

  async stop(): Promise<void> {
    this.dependencies.onApplicationShutdown();
    await this.providers.onApplicationShutdown();
    await Promise.all([this.first.stop(), this.second.stop()]);
  }
}

/** Does something for a request, or a job, that has so long. */
export async function within<T>(
  ms: number,
  work: () => Promise<T>,
  kind: 'request' | 'background' = 'request',
): Promise<T> {
  const deadline = new Deadline(ms, kind);
  try {
    return await deadline.run(work);
  } finally {
    deadline.release();
  }
}
