import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** The body of an answer that is a stream of server-sent events. */
export class EventLine {
  private readonly stream = new PassThrough();

  /** Sends the head of the answer. @param signal ends a wait for a reader who does not read */
  constructor(
    reply: FastifyReply,
    headers: Readonly<Record<string, string>>,
    private readonly signal: AbortSignal | undefined,
  ) {
    void reply
      .headers(headers)
      .header('Content-Type', 'text/event-stream; charset=utf-8')
      .header('Cache-Control', 'no-store')
      // nginx would keep the events until it has a buffer full of them.
      .header('X-Accel-Buffering', 'no')
      .send(this.stream);
  }

  /** Writes at once, whether or not anybody reads. @returns whether more can be written before it is read */
  write(bytes: string | Buffer): boolean {
    return this.stream.write(bytes);
  }

  /** Resolves when its reader has read on: what writes is no faster than what reads. */
  async drained(): Promise<void> {
    await once(this.stream, 'drain', { ...(this.signal && { signal: this.signal }) });
  }

  end(): void {
    this.stream.end();
  }
}
