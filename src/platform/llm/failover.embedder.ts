import { DependencyError } from '../../resilience/dependency-error.js';
import { Embedder } from './embedder.js';

/**
 * Embedders that make the same vectors: the next is asked where one fails. One of another model or dimension is no
 * substitute, since its vectors mean something else in the same collection.
 */
export class FailoverEmbedder extends Embedder {
  readonly adapter: string;
  readonly traits: Embedder['traits'];
  readonly model: string;
  readonly dimension: number;

  /** @throws Error when there is none, or they make different vectors */
  constructor(private readonly embedders: readonly Embedder[]) {
    super();
    const [first] = embedders;
    if (first === undefined || !embedders.every((embedder) => sameSpace(embedder, first)))
      throw new Error('Embedders that stand in for each other make the same vectors');
    this.adapter = embedders.map((embedder) => embedder.adapter).join(', ');
    this.traits = first.traits;
    this.model = first.model;
    this.dimension = first.dimension;
  }

  /** @throws DependencyError of the first choice when none of them can */
  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    let failure: DependencyError | undefined;
    for (const embedder of this.embedders) {
      try {
        return await embedder.embed(texts);
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error;
        failure ??= error;
      }
    }
    throw failure!;
  }

  /** Passes while any of them does. */
  async check(signal: AbortSignal): Promise<void> {
    await Promise.any(this.embedders.map((embedder) => embedder.check(signal)));
  }
}

export function sameSpace(
  a: { model: string; dimension: number },
  b: { model: string; dimension: number },
): boolean {
  return a.model === b.model && a.dimension === b.dimension;
}
