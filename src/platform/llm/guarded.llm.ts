import type { Dependency } from '../../resilience/dependency.js';
import { Llm, type Completion, type Prompt } from './llm.js';

export interface Attempt {
  /** The time that there is for it, retries and waits included. */
  withinMs: number;
  /** Whether it may be tried again. Asking twice is safe, if not free. */
  again: boolean;
}

// So much earlier an adapter gives up by itself: it knows what it waited for, and its word is counted.
const MARGIN_MS = 100;

/** The answering model behind its circuit and time limit. */
export class GuardedLlm extends Llm {
  readonly adapter: string;
  readonly traits: Llm['traits'];

  /** @param cost the tokens that a prompt will spend, where they are limited */
  constructor(
    private readonly inner: Llm,
    private readonly dependency: Dependency,
    private readonly cost: (prompt: Prompt) => number = () => 1,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
  }

  get name(): string {
    return this.dependency.name;
  }

  /** Whether a call would be let through now. */
  get available(): boolean {
    return this.dependency.circuit.at === 'closed';
  }

  complete(prompt: Prompt): Promise<Completion> {
    return this.attempt(prompt, { withinMs: Infinity, again: true });
  }

  /** @throws DependencyError, ProviderRefused, or that the request is over */
  attempt(prompt: Prompt, { withinMs, again }: Attempt): Promise<Completion> {
    const endMs = performance.now() + withinMs - MARGIN_MS;
    return this.dependency.call(
      'answer',
      (signal) => this.inner.complete(prompt, signal, endMs - performance.now()),
      { idempotent: again, withinMs, cost: this.cost(prompt) },
    );
  }

  check(signal: AbortSignal): Promise<void> {
    return this.inner.check(signal);
  }
}
