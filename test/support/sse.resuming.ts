import { randomUUID } from 'node:crypto';
import { SseReader, textOf } from './sse.js';

/**
 * Somebody who wants to have a whole text: as often as a stream breaks off, the same request is sent again with the id of the
 * last event.
 */
export class ResumingReader {
  /** Each stream of it, the one that is read now included. */
  readonly parts: SseReader[] = [];
  private readonly key = randomUUID();

  /** @param body of the request, which is one for a stream */
  constructor(
    private readonly url: string,
    private readonly body: object,
  ) {}

  /** As it is put together of all that was read. */
  get text(): string {
    return this.parts.reduce((text, { events }) => textOf(events, text), '');
  }

  /** Resolves when a stream of it has ended with `done`. @throws Error for an answer that is no stream, and for a silent end */
  async read(): Promise<this> {
    for (;;) {
      const last = this.parts.findLast((part) => part.last !== undefined)?.last;
      const part = await SseReader.post(this.url, this.body, {
        'idempotency-key': this.key,
        ...(last !== undefined && { 'last-event-id': last.id! }),
      });
      this.parts.push(part);
      await part.end();
      if (part.response.statusCode !== 200) throw new Error(`Refused with ${part.response.statusCode}`);
      const event = part.last?.event;
      if (event === 'done') return this;
      if (event !== 'error') throw new Error(`A stream ended silently, behind ${event ?? 'nothing'}`);
      const { code } = part.last!.data;
      if (code !== 'shutting_down') throw new Error(`A stream ended with ${code}`);
    }
  }
}
