import type { Traits } from '../../resilience/dependency.js';
import { messagesOf } from './messages.js';
import type { Prompt } from './llm.js';
import type { Chat, ChatEvent, ChatRequest, OpenAiProvider } from './openai.provider.js';
import { ProviderRefused } from './provider.error.js';
import { type Spending, tokensIn } from './spending.js';

export interface ModelOptions {
  provider: string;
  model: string;
  tokensMax: number;
  checkMs: number;
}

/** A model of a provider, raw. */
export class OpenAiModel {
  readonly adapter: string;
  readonly traits: Traits & { semantic: boolean } = { durable: true, shared: true, semantic: true };
  // Some models choose their words in one way only, and refuse to be told how.
  private temperatureIsFixed = false;

  constructor(
    private readonly api: OpenAiProvider,
    private readonly options: ModelOptions,
    private readonly spending: Spending,
  ) {
    this.adapter = options.provider;
  }

  get provider(): string {
    return this.options.provider;
  }
  get model(): string {
    return this.options.model;
  }

  async write(prompt: Prompt, signal?: AbortSignal, withinMs?: number): Promise<Chat> {
    const chat = await this.asBefits(prompt, (request) => this.api.chat(request, signal, withinMs));
    this.spending.add(chat.usage);
    return chat;
  }

  async *stream(prompt: Prompt, signal?: AbortSignal, withinMs?: number): AsyncGenerator<ChatEvent> {
    const open = async (request: ChatRequest) => {
      const events = this.api.streamChat(request, signal, withinMs);
      // What is refused is refused before the first word.
      return { first: await events.next(), events };
    };
    const { first, events } = await this.asBefits(prompt, open);
    try {
      for (let next = first; next.done !== true; next = await events.next()) {
        if (next.value.at === 'end') this.spending.add(next.value.usage);
        yield next.value;
      }
    } finally {
      await events.return(undefined);
    }
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.api.models(signal, this.options.checkMs);
  }

  /** How many tokens the provider will reckon for it: what it reads, and the most that it may write. */
  cost(prompt: Prompt): number {
    const passages = prompt.passages.flatMap(({ title, text }) => [title, text]);
    const turns = (prompt.history ?? []).map(({ content }) => content);
    return tokensIn(prompt.instructions, ...turns, prompt.question, ...passages) + this.tokensMax(prompt);
  }

  private tokensMax({ tokensMax = Infinity }: Prompt): number {
    return Math.min(tokensMax, this.options.tokensMax);
  }

  private async asBefits<T>(prompt: Prompt, ask: (request: ChatRequest) => Promise<T>): Promise<T> {
    const request: ChatRequest = {
      model: this.options.model,
      messages: messagesOf(prompt),
      tokensMax: this.tokensMax(prompt),
    };
    const { temperature } = prompt;
    if (temperature === undefined || this.temperatureIsFixed) return ask(request);
    try {
      return await ask({ ...request, temperature });
    } catch (error) {
      if (!(error instanceof ProviderRefused) || error.param !== 'temperature') throw error;
      this.temperatureIsFixed = true;
      return ask(request);
    }
  }
}
