import type { EmbeddingSettings, ProviderSettings } from '../../config/models.settings.js';
import type { Dependency } from '../../resilience/dependency.js';
import { batchMs } from './guarded.embedder.js';
import type { Attempt } from './guarded.model.js';
import { ProviderRefused } from './provider.error.js';
import type { ProviderRelay } from './provider.relay.js';
import type { ChatBody, EmbeddingBody } from './relay.js';
import { chatCost } from './relay.cost.js';
import { type Spending, tokensIn } from './spending.js';

// So much earlier an adapter gives up by itself: it knows what it waited for, and its word is counted.
const MARGIN_MS = 100;

/** What passes bodies on to one model: behind the same circuit, limits and places as all else that goes to it. */
interface Way {
  provider: string;
  relay: ProviderRelay;
  dependency: Dependency;
  spending: Spending;
}

/** Its errors are DependencyError, ProviderRefused, or that the request is over. */
export class ChatRelay {
  constructor(
    private readonly way: Way,
    readonly model: string,
    private readonly limitField: ProviderSettings['limitField'],
    /** What is reckoned for an answer where the body sets no limit. */
    private readonly tokensMax: number,
  ) {}

  get dependency(): Dependency {
    return this.way.dependency;
  }
  get provider(): string {
    return this.way.provider;
  }

  async chat(body: ChatBody, attempt: Attempt): Promise<Buffer> {
    const { relay, dependency, spending } = this.way;
    const leftMs = timer(attempt);
    const asked = this.fitted(body);
    const reply = await dependency.call(
      'relay',
      (signal) => relay.chat(asked, signal, leftMs()),
      this.options(body, attempt),
    );
    spending.add(reply.usage);
    return reply.body;
  }

  stream(body: ChatBody, attempt: Attempt): AsyncGenerator<Buffer> {
    const { relay, dependency, spending } = this.way;
    const leftMs = timer(attempt);
    const options = (body['stream_options'] ?? {}) as { include_usage?: unknown };
    const asked = { ...this.fitted(body), stream_options: { ...options, include_usage: true } };
    return dependency.stream(
      'relay',
      (signal) =>
        relay.chatStream(
          asked,
          options.include_usage === true,
          (usage) => spending.add(usage),
          signal,
          leftMs(),
        ),
      this.options(body, attempt),
    );
  }

  /** Its own model, and the limit under the name that the provider knows it by. */
  private fitted(body: ChatBody): ChatBody {
    const { max_tokens: old, max_completion_tokens: limit, ...rest } = body;
    const tokens = limit ?? old;
    return {
      ...rest,
      messages: body.messages,
      model: this.model,
      ...(tokens !== undefined && tokens !== null && { [this.limitField]: tokens }),
    };
  }

  private options(body: ChatBody, { withinMs, again }: Attempt) {
    return { idempotent: again, withinMs, cost: chatCost(body, this.tokensMax) };
  }
}

/** As ChatRelay, for vectors. */
export class EmbeddingRelay {
  constructor(
    private readonly way: Way,
    private readonly embedding: EmbeddingSettings,
    private readonly timeoutMs: number,
  ) {}

  get dependency(): Dependency {
    return this.way.dependency;
  }
  get provider(): string {
    return this.way.provider;
  }
  get model(): string {
    return this.embedding.model;
  }
  get dimension(): number {
    return this.embedding.dimension;
  }

  async embeddings(body: EmbeddingBody, { withinMs, again }: Attempt): Promise<Buffer> {
    const { relay, dependency, spending } = this.way;
    const { model, dimension, shortened } = this.embedding;
    const texts = [body.input].flat();
    const attemptMs = Math.min(batchMs(this.timeoutMs, texts.length), withinMs - MARGIN_MS);
    const asked = { ...body, model, ...(shortened && { dimensions: dimension }) };
    const wanted = { count: texts.length, dimension, format: body.encoding_format ?? 'float' } as const;
    // To the dependency a refusal would be a failure: what it is asked for by this service it never refuses.
    const reply = await dependency.call(
      'relay',
      (signal) => relay.embeddings(asked, wanted, signal, attemptMs).catch(refusalOf),
      { idempotent: again, withinMs, cost: tokensIn(...texts) },
    );
    if (reply instanceof ProviderRefused) throw reply;
    spending.add(reply.usage);
    return reply.body;
  }
}

function refusalOf(error: unknown): ProviderRefused {
  if (error instanceof ProviderRefused) return error;
  throw error;
}

function timer({ withinMs }: Attempt): () => number {
  const endMs = performance.now() + withinMs - MARGIN_MS;
  return () => endMs - performance.now();
}
