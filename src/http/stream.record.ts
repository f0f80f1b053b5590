import type { StreamEvent } from '../kernel/stream-event.js';

interface Kept {
  id: string;
  request: string;
  count: number;
  text: string;
  base: number;
  lengths: number[];
  opening: StreamEvent['data'];
  done: StreamEvent['data'] | undefined;
}

/** What one stream has told its reader so far: enough to bring a reader who lost it from any event of it to its end. */
export class StreamRecord {
  private constructor(private readonly kept: Kept) {}

  /** @param request names what was asked: a record is for the same request only */
  static of(id: string, request: string): StreamRecord {
    return new StreamRecord({
      id,
      request,
      count: 0,
      text: '',
      base: 0,
      lengths: [0],
      opening: {},
      done: undefined,
    });
  }

  static read(bytes: Buffer): StreamRecord {
    return new StreamRecord(JSON.parse(bytes.toString('utf8')) as Kept);
  }

  bytes(): Buffer {
    return Buffer.from(JSON.stringify(this.kept));
  }

  get id(): string {
    return this.kept.id;
  }
  get request(): string {
    return this.kept.request;
  }
  /** The number of the last event. */
  get count(): number {
    return this.kept.count;
  }
  /** The text as the reader has it after the last event. */
  get text(): string {
    return this.kept.text;
  }
  get whole(): boolean {
    return this.kept.done !== undefined;
  }

  /** @returns the number of the event */
  add({ event, data }: StreamEvent): number {
    const { kept } = this;
    kept.count += 1;
    if (event === 'token') kept.text += data['text'] as string;
    if (event === 'meta' || event === 'switch' || event === 'restart') kept.opening = data;
    if (event === 'restart') {
      kept.text = '';
      kept.base = kept.count;
      kept.lengths = [];
    }
    if (event === 'done') kept.done = data;
    kept.lengths[kept.count - kept.base] = kept.text.length;
    return kept.count;
  }

  /**
   * For a reader whose last event had this number: the record of the stream that goes on for him, which is a new one, so
   * that its numbers mean nothing else than they did, and what he is to be told so that he has what this record has.
   */
  from(number: number, id: string): { record: StreamRecord; missed: StreamEvent[] } {
    const { request, text, base, lengths, opening, done } = this.kept;
    const had = lengths[number - base];
    const missed: StreamEvent[] = [];
    // What he has is of another text than this, or nothing is known of it.
    if (had === undefined) missed.push({ event: 'restart', data: opening });
    if (text.length > (had ?? 0)) missed.push({ event: 'token', data: { text: text.slice(had) } });
    if (done !== undefined) missed.push({ event: 'done', data: done });
    const kept = { id, request, count: number, text: text.slice(0, had ?? 0), base: number, opening };
    return { record: new StreamRecord({ ...kept, lengths: [had ?? 0], done: undefined }), missed };
  }
}
