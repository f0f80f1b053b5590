import { OpenAiProvider } from '../../src/platform/llm/openai.provider.js';
import type { ProviderTimeouts } from '../../src/platform/llm/overdue.js';
import type { Provider } from './provider.ts';

/** The service's own client to a double. Close it when done. */
export function newApi(server: Provider, timeouts: Partial<ProviderTimeouts> = {}): OpenAiProvider {
  return new OpenAiProvider(
    { baseUrl: server.url, apiKey: 'sk-canary', limitField: 'max_tokens' },
    { connectMs: 300, firstTokenMs: 2_000, idleMs: 1_000, totalMs: 10_000, ...timeouts },
    4,
  );
}
