import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Settings } from '../config/settings.js';
import { untilAborted } from '../kernel/abort.js';
import { CallerGone, Deadline } from '../kernel/deadline.js';
import { toOpenAiError } from './error.formats.js';
import { EventLine, orSilence } from './event-line.js';
import { OpenStreams } from './open-streams.js';

/** An answer that is passed on as it comes. */
export interface ByteStream {
  headers: Readonly<Record<string, string>>;
  /** Whole events. It ends with an end that its reader can see, or throws. */
  events: AsyncGenerator<Buffer>;
}

/** Somebody else's answer. */
export interface Passing {
  open: () => Promise<ByteStream>;
  /** The data of the event that tells the reader of an error, where that has words of its own. */
  wordsFor: (error: unknown) => string | undefined;
}

/** Streams of server-sent events as OpenAI's API has them: bytes that somebody else wrote, passed on as fast as they are read. */
@Injectable()
export class ByteStreams {
  constructor(
    private readonly streams: OpenStreams,
    private readonly settings: Settings,
  ) {}

  /**
   * Answers a request with a stream, and resolves when it is over. What fails while it is opened is thrown: it has an answer
   * with a status of its own. What fails later, or after STREAM_HEARTBEAT_MS, is told by an event, behind which there is no
   * `[DONE]`.
   */
  async send(request: FastifyRequest, reply: FastifyReply, tenant: string, passing: Passing): Promise<void> {
    const leave = this.streams.enter(tenant);
    try {
      await this.pass(request, reply, passing);
    } finally {
      leave();
    }
  }

  private async pass(
    request: FastifyRequest,
    reply: FastifyReply,
    { open, wordsFor }: Passing,
  ): Promise<void> {
    const signal = Deadline.current()?.signal;
    const { STREAM_HEARTBEAT_MS: silentMs } = this.settings;
    const opening = open();
    const early = await orSilence(opening, silentMs);
    // It may be over, and answered, in the very moment in which it has been silent for long.
    if (early === undefined) signal?.throwIfAborted();
    const line = new EventLine(reply, early?.headers ?? {}, signal, silentMs);
    let events: AsyncGenerator<Buffer> | undefined;
    try {
      if (early === undefined) line.beat();
      ({ events } = early ?? (await opening));
      for (let next = events.next(); ; next = events.next()) {
        const { done, value } = await untilAborted(next, signal);
        if (done === true) break;
        if (!line.write(value)) await line.drained();
      }
    } catch (error) {
      // Whatever writes for the reader ends by the signal by which this does.
      const failure: unknown = signal?.aborted === true ? signal.reason : error;
      if (!(failure instanceof CallerGone)) {
        const data =
          wordsFor(failure) ?? JSON.stringify(toOpenAiError(this.streams.failed(request, failure)));
        line.write(`data: ${data}\n\n`);
      }
      void events?.return(undefined);
    } finally {
      line.end();
    }
  }
}
