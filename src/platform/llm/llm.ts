import type { Traits } from '../../resilience/dependency.js';

/** A piece of the tenant's own documents, numbered from 1 as citations count. */
export interface Passage {
  n: number;
  title: string;
  text: string;
}

export interface Prompt {
  /** How to answer; for adapters that can be told. */
  instructions: string;
  question: string;
  passages: readonly Passage[];
}

export interface Completion {
  /** `[n]` in the text points at the passage n. Empty when `supported` is false. */
  text: string;
  /** The passages that the text rests on, in the order of their first mention. */
  cited: readonly number[];
  /** Whether the passages answer the question at all. */
  supported: boolean;
  level: 'full' | 'fallback_model' | 'extractive';
  /** Who was asked before and could not: empty when the first choice answered. */
  degraded_because: readonly { dependency: string; reason: string }[];
  /** null where no model was asked. */
  model: string | null;
  usage: { input_tokens: number; output_tokens: number } | null;
  /** The text stops at the most tokens that a model may write, and not where it ends. */
  truncated: boolean;
}

/** Answers a question from passages. */
export abstract class Llm {
  abstract readonly adapter: string;
  abstract readonly traits: Traits & { semantic: boolean };

  /** @param withinMs the time that there is for it: an adapter that asks somebody else gives up before that is over */
  abstract complete(prompt: Prompt, signal?: AbortSignal, withinMs?: number): Promise<Completion>;

  abstract check(signal: AbortSignal): Promise<void>;
}
