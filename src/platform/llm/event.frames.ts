import { badReply } from './provider.error.js';

// A blank line ends an event. A lone CR as the end of a line is allowed too, and nobody sends it.
const END = /\n\r?\n/g;
const END_BYTES = 3;
const EVENT_BYTES_MAX = 4 * 1_024 * 1_024;

/** Cuts the bytes of a stream of server-sent events into its events, without a look into them. */
export class EventFrames {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * @returns the events that are whole now, each with the blank line behind it
   * @throws ProviderFailed bad_reply for one that has no end
   */
  push(chunk: Buffer): Buffer[] {
    // What was looked through holds no end, save one that this chunk completes.
    const from = Math.max(0, this.#rest.length - END_BYTES);
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const events: Buffer[] = [];
    let begin = 0;
    // As Latin-1 each byte is one character: an offset in the text is one in the bytes.
    for (const found of bytes.toString('latin1', from).matchAll(END)) {
      const end = from + found.index + found[0].length;
      events.push(bytes.subarray(begin, end));
      begin = end;
    }
    this.#rest = bytes.subarray(begin);
    if (this.#rest.length > EVENT_BYTES_MAX)
      throw badReply(`An event is longer than ${EVENT_BYTES_MAX} bytes`, false);
    return events;
  }
}
