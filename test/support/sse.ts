import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createParser } from 'eventsource-parser';

export interface Told {
  id: string | undefined;
  event: string;
  data: any;
}

/** A reader of a stream of server-sent events, who can stop to read at any moment, and leave. */
export class SseReader {
  readonly events: Told[] = [];
  comments = 0;
  ended = false;

  private constructor(
    private readonly client: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        this.events.push({ id, event: event ?? 'message', data: JSON.parse(data) });
      },
      onComment: () => (this.comments += 1),
    });
    response.setEncoding('utf8');
    response.on('data', (text: string) => parser.feed(text));
    response.once('close', () => (this.ended = true));
    // A connection that is cut ends in an error and in a close: the close is what is waited for.
    response.on('error', () => {});
  }

  static async post(url: string, body: object, headers: Record<string, string> = {}): Promise<SseReader> {
    const client = request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      agent: false,
    });
    client.on('error', () => {}); // it may hang up itself
    client.end(JSON.stringify(body));
    const [response] = (await once(client, 'response')) as [IncomingMessage];
    return new SseReader(client, response);
  }

  /** The text as a reader of the events has it. */
  get text(): string {
    return textOf(this.events);
  }

  get last(): Told | undefined {
    return this.events.at(-1);
  }

  of(event: string): Told[] {
    return this.events.filter((told) => told.event === event);
  }

  async end(): Promise<this> {
    await new Promise<void>((resolve) => {
      if (this.ended) resolve();
      else this.response.once('close', resolve);
    });
    return this;
  }

  leave(): void {
    this.client.destroy();
  }
}

export function textOf(events: readonly Told[], before = ''): string {
  let text = before;
  for (const { event, data } of events) {
    if (event === 'restart') text = '';
    if (event === 'token') text += data.text;
  }
  return text;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
