import type { Dependency } from '../../resilience/dependency.js';
import { Embedder } from './embedder.js';

/** The embedding model behind its circuit and time limit. */
export class GuardedEmbedder extends Embedder {
  readonly adapter: string;
  readonly traits: Embedder['traits'];
  readonly model: string;
  readonly dimension: number;

  constructor(
    private readonly inner: Embedder,
    private readonly dependency: Dependency,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
    this.model = inner.model;
    this.dimension = inner.dimension;
  }

  embed(texts: readonly string[]): Promise<Float32Array[]> {
    return this.dependency.call('embed', (signal) => this.inner.embed(texts, signal), { idempotent: true });
  }

  check(signal: AbortSignal): Promise<void> {
    return this.inner.check(signal);
  }
}
