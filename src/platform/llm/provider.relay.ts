import type { Usage } from './chat.stream.js';
import { ChatWatch, usageOf } from './chat.watch.js';
import { Countdown } from './countdown.js';
import { EventFrames } from './event.frames.js';
import { CLOSE_WAIT_MS, type ProviderTimeouts, silent, stalled, tooLong, USAGE_WAIT_MS } from './overdue.js';
import { badReply, errorOfEvent } from './provider.error.js';
import type { ProviderHttp } from './provider.http.js';
import { encodedVectors } from './vectors.js';

// Who was given less time than this to answer in one piece says nothing about the provider when it is over.
const FAIR_WHOLE_MS = 20_000;
const FAIR_WAIT_MS = 1_900;
const DONE = Buffer.from('data: [DONE]\n\n');

export interface Counted {
  body: Buffer;
  usage: Usage | null;
}

/**
 * Passes bodies through to a provider, raw: no retry, no circuit, no fallback. Its errors are ProviderFailed,
 * ProviderRefused and the reason of the signal.
 */
export class ProviderRelay {
  constructor(
    private readonly http: ProviderHttp,
    private readonly timeouts: ProviderTimeouts,
  ) {}

  /** An answer in one piece. Whether a provider that says nothing hangs or writes cannot be told: it has all of the time. */
  async chat(body: object, signal: AbortSignal, withinMs: number): Promise<Counted> {
    const totalMs = Math.min(withinMs, this.timeouts.totalMs);
    const fair = totalMs >= Math.min(FAIR_WHOLE_MS, this.timeouts.totalMs);
    const limit = { ms: totalMs, late: () => tooLong(fair) };
    const bytes = await this.http.bytes('POST', '/chat/completions', body, signal, limit);
    const { choices, usage } = objectIn(bytes);
    if (!Array.isArray(choices) || choices.length === 0) throw badReply('The reply holds no answer');
    return { body: bytes, usage: usageOf(usage) ?? null };
  }

  /**
   * An answer as it comes: whole events, of which the first says something and the last is `[DONE]`.
   * @param body asks for its usage
   * @param showUsage whether the event that says nothing but the usage is passed on
   * @param onUsage told it, once, where the provider says it and the answer is whole
   */
  async *chatStream(
    body: Readonly<Record<string, unknown>>,
    showUsage: boolean,
    onUsage: (usage: Usage | null) => void,
    signal: AbortSignal,
    withinMs: number,
  ): AsyncGenerator<Buffer> {
    const { firstTokenMs, idleMs } = this.timeouts;
    const totalMs = Math.min(withinMs, this.timeouts.totalMs);
    const fairMs = Math.min(FAIR_WAIT_MS, firstTokenMs);
    const watch = new ChatWatch(typeof body['n'] === 'number' ? body['n'] : 1);
    const countdown = new Countdown(signal, totalMs, (afterMs) =>
      watch.begun ? tooLong(totalMs >= this.timeouts.totalMs) : silent(afterMs, fairMs),
    );
    const frames = new EventFrames();
    let ready: Buffer[] = [];
    let done = false;
    countdown.expect(firstTokenMs, (afterMs) => silent(afterMs, fairMs));
    try {
      for await (const chunk of this.http.stream('/chat/completions', body, countdown.signal)) {
        let alive = false;
        for (const event of frames.push(chunk)) {
          // Behind the end there is nothing to be passed on, and the connection may be used again.
          if (done) break;
          const seen = watch.see(event);
          alive ||= seen !== 'comment' && seen !== 'opening';
          done = seen === 'done';
          // Until something is said, a comment would only give away that somebody was asked.
          if (!(seen === 'usage' && !showUsage) && !(seen === 'comment' && !watch.begun)) ready.push(event);
        }
        if (watch.begun && ready.length > 0) {
          // A comment shows that the provider is there, and not that it writes: the time for the next words runs on.
          if (alive) countdown.pause();
          yield joined(ready);
          ready = [];
        }
        if (done) countdown.expect(CLOSE_WAIT_MS, stalled);
        else if (alive) countdown.expect(watch.whole ? USAGE_WAIT_MS : idleMs, stalled);
      }
    } catch (error) {
      // The answer is whole: what is wrong behind its end is wrong with the figures at most.
      if (!(done || watch.whole) || signal.aborted) throw error;
    } finally {
      countdown.stop();
    }
    if (!done && !watch.whole) throw badReply('The answer has no end');
    onUsage(watch.usage);
    if (!done) yield joined([...ready, DONE]);
  }

  /**
   * @param count how many vectors there must be, each of so many numbers
   * @param format as which they are handed on, whatever the provider sends
   */
  async embeddings(
    body: object,
    { count, dimension, format }: { count: number; dimension: number; format: 'float' | 'base64' },
    signal: AbortSignal,
    withinMs: number,
  ): Promise<Counted> {
    const limit = { ms: withinMs, late: (afterMs: number) => silent(afterMs, 0) };
    const bytes = await this.http.bytes('POST', '/embeddings', body, signal, limit);
    const reply = objectIn(bytes);
    const encoded = encodedVectors(reply, count, dimension, format);
    return { body: encoded ?? bytes, usage: usageOf(reply['usage']) ?? null };
  }
}

/** @throws ProviderFailed for what is no JSON object, or an error under a status that says that all is well */
function objectIn(bytes: Buffer): Record<string, unknown> {
  const reply = parsed(bytes);
  if (typeof reply !== 'object' || reply === null) throw badReply('The reply is no JSON object');
  const { error } = reply as { error?: unknown };
  if (error !== undefined && error !== null) throw errorOfEvent(error);
  return reply as Record<string, unknown>;
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function joined(events: Buffer[]): Buffer {
  return events.length === 1 ? events[0]! : Buffer.concat(events);
}
