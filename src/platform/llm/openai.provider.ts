import type { ChatCompletionMessageParam, ModelsPage } from 'openai/resources';
import type { ProviderSettings } from '../../config/models.settings.js';
import { type Piece, piecesOf, type Usage } from './chat.stream.js';
import { Countdown } from './countdown.js';
import { CLOSE_WAIT_MS, type ProviderTimeouts, silent, stalled, tooLong, USAGE_WAIT_MS } from './overdue.js';
import { badReply, ProviderFailed } from './provider.error.js';
import { ProviderHttp } from './provider.http.js';
import { ProviderRelay } from './provider.relay.js';
import { vectorsIn } from './vectors.js';

export interface ChatRequest {
  model: string;
  messages: readonly ChatCompletionMessageParam[];
  tokensMax: number;
  /** From 0 to 2. Default: the model's own. */
  temperature?: number;
}

/** The last event is the end, and there is none of an answer that is not whole. */
export type ChatEvent = { at: 'text'; text: string } | ChatEnd;

interface ChatEnd {
  at: 'end';
  /** It stopped at the most tokens that were asked for. */
  truncated: boolean;
  /** null where the provider does not say. */
  usage: Usage | null;
}

export type Chat = { text: string } & Omit<ChatEnd, 'at'>;

export interface EmbedRequest {
  model: string;
  dimension: number;
  /** Whether the model has to be told its dimension. */
  shortened: boolean;
  texts: readonly string[];
}

// Who was given less time, by a request with little left, says nothing about the provider when it is over.
const FAIR_WAIT_MS = 1_900;

/**
 * A provider with OpenAI's API, raw: no retry, no circuit, no fallback. Chats are always streamed from it, also where a whole
 * answer is wanted: only then can be told whether it hangs, stalls or merely has much to say.
 *
 * Each call ends by itself, within `withinMs` and the timeouts of the settings. Its errors are ProviderFailed,
 * ProviderRefused and the reason of the signal.
 */
export class OpenAiProvider {
  /** The same for bodies that are somebody else's: they are passed on as they are. */
  readonly relay: ProviderRelay;
  private readonly http: ProviderHttp;

  constructor(
    private readonly settings: Pick<ProviderSettings, 'baseUrl' | 'apiKey' | 'limitField'>,
    private readonly timeouts: ProviderTimeouts,
    connections: number,
  ) {
    this.http = new ProviderHttp({ ...settings, connectTimeoutMs: timeouts.connectMs, connections });
    this.relay = new ProviderRelay(this.http, timeouts);
  }

  get connects(): number {
    return this.http.connects;
  }

  async chat(request: ChatRequest, signal?: AbortSignal, withinMs?: number): Promise<Chat> {
    let text = '';
    let end: ChatEnd | undefined;
    for await (const event of this.streamChat(request, signal, withinMs)) {
      if (event.at === 'end') end = event;
      else text += event.text;
    }
    // A stream ends with its end or with an error.
    return { text, truncated: end!.truncated, usage: end!.usage };
  }

  async *streamChat(
    request: ChatRequest,
    signal?: AbortSignal,
    withinMs = Infinity,
  ): AsyncGenerator<ChatEvent> {
    const totalMs = Math.min(withinMs, this.timeouts.totalMs);
    const fairMs = Math.min(FAIR_WAIT_MS, this.timeouts.firstTokenMs);
    let begun = false;
    const countdown = new Countdown(signal, totalMs, (afterMs) =>
      begun ? tooLong(totalMs >= this.timeouts.totalMs) : silent(afterMs, fairMs),
    );
    let end: Omit<ChatEnd, 'usage'> | undefined;
    let usage: Usage | null = null;
    let said = false;
    countdown.expect(this.timeouts.firstTokenMs, (afterMs) => silent(afterMs, fairMs));
    try {
      for await (const piece of this.pieces(request, countdown.signal)) {
        if (piece.at === 'usage') usage = piece.usage;
        if (piece.at === 'end') end ??= piece;
        begun = true;
        if (piece.at === 'text') {
          said = true;
          countdown.pause();
          yield piece;
        }
        countdown.expect(this.patienceAfter(piece, end !== undefined), stalled);
      }
    } catch (error) {
      // The answer is whole: what is wrong behind its end is wrong with the figures at most.
      if (end === undefined || signal?.aborted === true) throw error;
    } finally {
      countdown.stop();
    }
    if (end === undefined) throw badReply('The answer has no end');
    if (!said) throw badReply('The answer is empty');
    yield { ...end, usage };
  }

  /** @returns one unit vector a text, in order, each of the dimension that was asked for */
  async embed(
    { model, dimension, shortened, texts }: EmbedRequest,
    signal: AbortSignal | undefined,
    withinMs: number,
  ): Promise<{ vectors: Float32Array[]; tokens: number }> {
    const body = {
      model,
      input: texts,
      encoding_format: 'float',
      ...(shortened && { dimensions: dimension }),
    };
    const reply = await this.json('POST', '/embeddings', body, signal, withinMs);
    return vectorsIn(reply, texts.length, dimension);
  }

  /** The models that it lists; costs nothing. Empty where it has no such list. */
  async models(signal: AbortSignal | undefined, withinMs: number): Promise<string[]> {
    try {
      const reply = (await this.json('GET', '/models', undefined, signal, withinMs)) as Partial<ModelsPage>;
      return (reply.data ?? []).map(({ id }) => id);
    } catch (error) {
      if (error instanceof ProviderFailed && error.fault.reason === 'not_installed') return [];
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.http.close();
  }

  private pieces(
    { model, messages, tokensMax, temperature }: ChatRequest,
    signal: AbortSignal,
  ): AsyncGenerator<Piece> {
    const body = {
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      [this.settings.limitField]: tokensMax,
      ...(temperature !== undefined && { temperature }),
    };
    return piecesOf(this.http.stream('/chat/completions', body, signal));
  }

  private patienceAfter(piece: Piece, ended: boolean): number {
    if (piece.at === 'done') return CLOSE_WAIT_MS;
    return ended ? USAGE_WAIT_MS : this.timeouts.idleMs;
  }

  private json(
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    signal: AbortSignal | undefined,
    withinMs: number,
  ): Promise<unknown> {
    return this.http.json(method, path, body, signal, {
      ms: withinMs,
      late: (afterMs) => silent(afterMs, 0),
    });
  }
}
