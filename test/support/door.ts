import OpenAI, { type ClientOptions } from 'openai';
import { Dependencies } from '../../src/resilience/dependencies.js';
import { type Booted, boot } from './boot.js';
import { type Provider, type ProviderFault, type ProviderOptions, startProvider } from './provider.ts';

/** The service in front of two doubles, and what a client of OpenAI's API needs to reach it. */
export class Door {
  private constructor(
    readonly service: Booted,
    readonly first: Provider,
    readonly second: Provider,
  ) {}

  static async open(env: Record<string, string> = {}, options: ProviderOptions = {}): Promise<Door> {
    const [first, second] = await Promise.all([startProvider(options), startProvider(options)]);
    const service = await boot({
      LLM_PROVIDERS: 'first,second',
      FIRST_BASE_URL: first.url,
      FIRST_API_KEY: 'key-of-the-first',
      FIRST_MODEL: 'large',
      FIRST_EMBEDDING_MODEL: 'vectors',
      FIRST_EMBEDDING_DIMENSION: '64',
      SECOND_BASE_URL: second.url,
      SECOND_MODEL: 'small',
      SECOND_EMBEDDING_MODEL: 'vectors',
      SECOND_EMBEDDING_DIMENSION: '64',
      // What one test does to a provider is no matter to the next.
      CIRCUIT_CONSECUTIVE_FAULTS: '1000',
      CIRCUIT_WINDOW_CALLS: '10000',
      LLM_FIRST_TOKEN_TIMEOUT_MS: '2000',
      LLM_IDLE_TIMEOUT_MS: '1000',
      ...env,
    });
    return new Door(service, first, second);
  }

  get baseURL(): string {
    return `${this.service.url}/v1`;
  }

  /** The official SDK, which asks once. */
  client(options: ClientOptions = {}): OpenAI {
    return new OpenAI({ baseURL: this.baseURL, apiKey: 'none', maxRetries: 0, ...options });
  }

  async both(fault: ProviderFault | undefined): Promise<void> {
    await Promise.all([this.first.behave(fault), this.second.behave(fault)]);
  }

  /** Makes both well again, also in the eyes of the service. */
  async heal(): Promise<void> {
    await this.both(undefined);
    for (const dependency of this.service.app.get(Dependencies)) dependency.reset();
  }

  async close(): Promise<void> {
    // A client may hold one that it made for a request that it then took back, and Node waits for those.
    this.service?.app.getHttpServer().closeAllConnections();
    await this.service?.close();
    await Promise.all([this.first?.stop(), this.second?.stop()]);
  }
}
