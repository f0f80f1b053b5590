import type { Traits } from '../../resilience/dependency.js';

/** Turns texts into vectors whose nearness is likeness. */
export abstract class Embedder {
  abstract readonly adapter: string;
  /** `semantic: false`: likeness of words, not of meaning. */
  abstract readonly traits: Traits & { semantic: boolean };
  /** Names the vector space: vectors of two models are never compared. */
  abstract readonly model: string;
  abstract readonly dimension: number;

  /**
   * @param withinMs the time that there is for it: an adapter that asks somebody else gives up before that is over
   * @returns one unit vector a text, in order
   */
  abstract embed(texts: readonly string[], signal?: AbortSignal, withinMs?: number): Promise<Float32Array[]>;

  abstract check(signal: AbortSignal): Promise<void>;
}
