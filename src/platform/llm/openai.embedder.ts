import type { EmbeddingSettings } from '../../config/models.settings.js';
import type { Fault } from '../../resilience/dependency-error.js';
import { Embedder } from './embedder.js';
import type { OpenAiProvider } from './openai.provider.js';
import { classifyProvider, ProviderRefused } from './provider.error.js';
import type { Spending } from './spending.js';
import { nowhere } from './vectors.js';

// Models of this kind read some 8 000 tokens and refuse the whole batch for one text that is longer. Chunks and questions
// are far shorter.
const CHARACTERS_MAX = 8_000;

/** An embedding model of a provider. */
export class OpenAiEmbedder extends Embedder {
  readonly adapter: string;
  readonly traits = { durable: true, shared: true, semantic: true };
  readonly model: string;
  readonly dimension: number;

  constructor(
    provider: string,
    private readonly api: OpenAiProvider,
    private readonly embedding: EmbeddingSettings,
    private readonly spending: Spending,
    private readonly checkMs: number,
  ) {
    super();
    this.adapter = provider;
    this.dimension = embedding.dimension;
    // Shortened vectors are a space of their own.
    this.model = embedding.shortened ? `${embedding.model}-${embedding.dimension}` : embedding.model;
  }

  async embed(texts: readonly string[], signal?: AbortSignal, withinMs = Infinity): Promise<Float32Array[]> {
    const spoken = texts.map(readable).filter((text) => text !== '');
    if (spoken.length === 0) return texts.map(() => nowhere(this.dimension));
    const { vectors, tokens } = await this.api.embed({ ...this.embedding, texts: spoken }, signal, withinMs);
    this.spending.add({ input_tokens: tokens, output_tokens: 0 });
    const next = vectors.values();
    return texts.map((text) => (readable(text) === '' ? nowhere(this.dimension) : next.next().value!));
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.api.models(signal, this.checkMs);
  }
}

/** A text as the model takes it: blank ones it refuses. */
function readable(text: string): string {
  return text.trim() === '' ? '' : text.slice(0, CHARACTERS_MAX).toWellFormed();
}

/** What is embedded comes from us: that it was refused is nothing that a caller could mend. */
export function classifyEmbedding(error: unknown): Fault | undefined {
  if (error instanceof ProviderRefused) return { reason: 'failed', transient: false, counts: false };
  return classifyProvider(error);
}
