import type { Dependency } from '../../resilience/dependency.js';
import type { Prompt } from './llm.js';
import type { OpenAiModel } from './openai.model.js';
import type { Chat, ChatEvent } from './openai.provider.js';

export interface Attempt {
  /** The time that there is for it, retries and waits included. */
  withinMs: number;
  /** Whether it may be tried again. Asking twice is safe, if not free. */
  again: boolean;
}

// So much earlier an adapter gives up by itself: it knows what it waited for, and its word is counted.
const MARGIN_MS = 100;

/** A model behind its circuit and time limit. Its errors are DependencyError, ProviderRefused, or that the request is over. */
export class GuardedModel {
  constructor(
    private readonly inner: OpenAiModel,
    readonly dependency: Dependency,
  ) {}

  get name(): string {
    return this.dependency.name;
  }
  get provider(): string {
    return this.inner.provider;
  }
  get model(): string {
    return this.inner.model;
  }

  /** Whether a call would be let through now. */
  get available(): boolean {
    return this.dependency.circuit.at === 'closed';
  }

  write(prompt: Prompt, attempt: Attempt): Promise<Chat> {
    const leftMs = timer(attempt);
    return this.dependency.call(
      'write',
      (signal) => this.inner.write(prompt, signal, leftMs()),
      this.options(prompt, attempt),
    );
  }

  stream(prompt: Prompt, attempt: Attempt): AsyncGenerator<ChatEvent> {
    const leftMs = timer(attempt);
    return this.dependency.stream(
      'write',
      (signal) => this.inner.stream(prompt, signal, leftMs()),
      this.options(prompt, attempt),
    );
  }

  private options(prompt: Prompt, { withinMs, again }: Attempt) {
    return { idempotent: again, withinMs, cost: this.inner.cost(prompt) };
  }
}

function timer({ withinMs }: Attempt): () => number {
  const endMs = performance.now() + withinMs - MARGIN_MS;
  return () => endMs - performance.now();
}
