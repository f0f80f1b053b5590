import { grounded, messagesOf } from './grounding.js';
import { Llm, type Completion, type Prompt } from './llm.js';
import type { OpenAiProvider } from './openai.provider.js';
import { type Spending, tokensIn } from './spending.js';

export interface ModelOptions {
  provider: string;
  model: string;
  tokensMax: number;
  checkMs: number;
}

/**
 * A model of a provider. An answer counts for as much as it can show: one that points at no passage is none.
 */
export class OpenAiLlm extends Llm {
  readonly adapter: string;
  readonly traits = { durable: true, shared: true, semantic: true };

  constructor(
    private readonly provider: OpenAiProvider,
    private readonly options: ModelOptions,
    private readonly spending: Spending,
  ) {
    super();
    this.adapter = options.provider;
  }

  async complete(prompt: Prompt, signal?: AbortSignal, withinMs?: number): Promise<Completion> {
    const { model, tokensMax } = this.options;
    const request = { model, messages: messagesOf(prompt), tokensMax };
    const { text, usage, truncated } = await this.provider.chat(request, signal, withinMs);
    this.spending.add(usage);
    const answer = grounded(text, prompt.passages);
    return this.completion(answer.text, answer.cited, usage, truncated);
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.provider.models(signal, this.options.checkMs);
  }

  /** How many tokens the provider will reckon for it: what it reads, and the most that it may write. */
  cost({ instructions, question, passages }: Prompt): number {
    const texts = passages.flatMap(({ title, text }) => [title, text]);
    return tokensIn(instructions, question, ...texts) + this.options.tokensMax;
  }

  private completion(
    text: string,
    cited: number[],
    usage: Completion['usage'],
    truncated: boolean,
  ): Completion {
    const supported = cited.length > 0;
    return {
      text: supported ? text : '',
      cited,
      supported,
      level: 'full',
      degraded_because: [],
      model: this.options.model,
      usage,
      truncated,
    };
  }
}
