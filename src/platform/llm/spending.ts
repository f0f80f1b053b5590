import type { Usage } from './chat.stream.js';

/** What was spent on a model since the start. */
export class Spending {
  #read = 0;
  #written = 0;

  /** @param price USD per million tokens */
  constructor(private readonly price: { input: number; output: number }) {}

  add(usage: Usage | null): void {
    this.#read += usage?.input_tokens ?? 0;
    this.#written += usage?.output_tokens ?? 0;
  }

  get facts() {
    const usd = (this.#read * this.price.input + this.#written * this.price.output) / 1_000_000;
    return { input_tokens: this.#read, output_tokens: this.#written, cost_usd: usd };
  }
}

// English has some four characters a token, and other languages fewer.
const CHARACTERS_PER_TOKEN = 3;

/** How many tokens a text will be, before anybody has counted. */
export function tokensIn(...texts: readonly string[]): number {
  return Math.ceil(texts.reduce((sum, text) => sum + text.length, 0) / CHARACTERS_PER_TOKEN);
}
