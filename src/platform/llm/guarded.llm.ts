import type { Dependency } from '../../resilience/dependency.js';
import { Llm, type Completion, type Prompt } from './llm.js';

/** The answering model behind its circuit and time limit. Asking twice is safe, if not free. */
export class GuardedLlm extends Llm {
  readonly adapter: string;
  readonly traits: Llm['traits'];

  constructor(
    private readonly inner: Llm,
    private readonly dependency: Dependency,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
  }

  complete(prompt: Prompt): Promise<Completion> {
    return this.dependency.call('answer', (signal) => this.inner.complete(prompt, signal), {
      idempotent: true,
    });
  }

  check(signal: AbortSignal): Promise<void> {
    return this.inner.check(signal);
  }
}
