import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { RequestContext } from '../telemetry/request.context.js';

// A comment, which the standard has every client pass over. Whatever stands in between sees that the connection is in use.
const HEARTBEAT = ': still writing\n\n';

/** The body of an answer that is a stream of server-sent events, which shows that it is alive where it has nothing to say. */
export class EventLine {
  private readonly stream = new PassThrough();
  private readonly heart: NodeJS.Timeout;

  /**
   * Sends the head of the answer.
   * @param signal ends a wait for a reader who does not read
   * @param silentMs how long nothing may be said
   */
  constructor(
    reply: FastifyReply,
    headers: Readonly<Record<string, string>>,
    private readonly signal: AbortSignal | undefined,
    silentMs: number,
  ) {
    void reply
      .headers(headers)
      .header('Content-Type', 'text/event-stream; charset=utf-8')
      .header('Cache-Control', 'no-store')
      // nginx would keep the events until it has a buffer full of them.
      .header('X-Accel-Buffering', 'no')
      .send(this.stream);
    this.heart = setInterval(() => this.beat(), silentMs);
  }

  /** Shows that it is alive: to somebody who has read what there is. */
  beat(): void {
    if (!this.stream.writableNeedDrain) this.stream.write(HEARTBEAT);
  }

  /** Writes whole events, at once, whether or not anybody reads. @returns whether more can be written before it is read */
  write(events: string | Buffer): boolean {
    this.heart.refresh();
    return this.stream.write(events);
  }

  /** Resolves when its reader has read on: what writes is no faster than what reads. */
  async drained(): Promise<void> {
    const read = RequestContext.current()?.timings.begin('reader');
    try {
      await once(this.stream, 'drain', { ...(this.signal && { signal: this.signal }) });
    } finally {
      read?.();
    }
  }

  end(): void {
    clearInterval(this.heart);
    this.stream.end();
  }
}

/** Until nothing has come for so long, what goes wrong can be said by a status. @returns undefined from then on */
export function orSilence<T>(result: Promise<T>, silentMs: number): Promise<T | undefined> {
  const first = Promise.withResolvers<T | undefined>();
  const silence = setTimeout(() => first.resolve(undefined), silentMs);
  result.then(first.resolve, first.reject).finally(() => clearTimeout(silence));
  return first.promise;
}
