import type { Author } from './llm.js';

/** A body for OpenAI's API as somebody else made it: what this service does not know of it, it passes on. */
export type RelayBody = Readonly<Record<string, unknown>> & { readonly model?: string | undefined };

/** A body of `POST /chat/completions`. */
export type ChatBody = RelayBody & { readonly messages: readonly Readonly<Record<string, unknown>>[] };

/** A body of `POST /embeddings`. */
export type EmbeddingBody = RelayBody & {
  readonly input: string | readonly string[];
  readonly encoding_format?: 'float' | 'base64' | undefined;
  readonly dimensions?: number | undefined;
};

/** A reply of a provider. */
export interface Relayed {
  level: Author['level'];
  /** JSON, as it came. */
  body: Buffer;
}

export interface RelayedStream {
  level: Author['level'];
  /**
   * Whole server-sent events, as they came; often several at once. The last one is `[DONE]`, and there is none of an answer
   * that is not whole: then it throws. Whoever stops to read must say so (`return`): that ends the call.
   */
  events: AsyncGenerator<Buffer>;
}

export interface RelayedModel {
  id: string;
  /** Whose it is; where several have it, the first. */
  provider: string;
}

/** The name under which whatever model can is asked, in the order of the settings. */
export const ANY_MODEL = 'mainstay';

/**
 * Passes bodies for OpenAI's API through to a provider that takes them: by its own model where the body names none, or
 * `mainstay`, and else by those that have the model that it names. Nothing of a body is changed but `model` and what a
 * provider has to be told.
 *
 * All of it throws RelayRefused; AppError not_found for a model that nobody has; AppError rate_limited or
 * dependency_unavailable where nobody can; and the reason for which the request is over.
 */
export abstract class Relay {
  /** Every model that can be named. */
  abstract readonly models: readonly RelayedModel[];

  abstract chat(body: ChatBody): Promise<Relayed>;

  /** Resolves with the first words, until which another provider may still take it over. */
  abstract chatStream(body: ChatBody): Promise<RelayedStream>;

  /** The vectors are as `encoding_format` says, whatever the provider makes of it. */
  abstract embeddings(body: EmbeddingBody): Promise<Relayed>;
}

/** A provider is well and would not do what it was asked to. These are its words, and they are for whoever asked. */
export class RelayRefused extends Error {
  constructor(
    readonly status: number,
    /** JSON, in OpenAI's form. */
    readonly body: string,
  ) {
    super(`The provider refused the request with ${status}`);
    this.name = 'RelayRefused';
  }
}
