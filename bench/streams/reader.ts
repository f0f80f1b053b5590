import { Agent } from 'undici';
import { send } from '../support/clients.ts';

/** What is asked for by a stream, and how one knows that it is whole. */
export interface Asking {
  url: string;
  body: (n: number) => object;
  /** What the last event of a whole stream has. */
  end: string;
}

/** What the readers of many streams saw. */
export interface Seen {
  /** Streams that came whole, with each of their events. */
  whole: number;
  /** What was wrong with the others, and how often. */
  wrong: Map<string, number>;
  /** When each event was sent by the provider, and how long it was under way from then until it was read. */
  events: { sentMs: number; lateMs: number }[];
}

// Events say when they were sent, on the clock that all processes of a machine share.
const STAMP = /@([\d.]+)@/g;
// What an event says that tells of an error, in the words of the service.
const DETAIL = /"detail":"([^"]+)"/;
/** On the clock of the events. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Opens so many streams and reads all of them to their ends, side by side.
 * @param openMs the time within which they are opened, evenly
 * @param events how many each of them has to have
 */
export async function readAll(
  { url, body, end }: Asking,
  streams: number,
  openMs: number,
  events: number,
): Promise<Seen> {
  const agent = new Agent({ connections: streams, pipelining: 1, headersTimeout: 60_000 });
  const seen: Seen = { whole: 0, wrong: new Map(), events: [] };
  const read = async (n: number): Promise<string | undefined> => {
    await sleep((n * openMs) / streams);
    const reply = await send(url, body(n), { dispatcher: agent });
    if (reply.statusCode !== 200) {
      await reply.body.dump();
      return `status ${reply.statusCode}`;
    }
    let [rest, last, had, ended] = ['', '', 0, false];
    for await (const bytes of reply.body as AsyncIterable<Buffer>) {
      const atMs = nowMs();
      rest += bytes.toString('latin1');
      // An event may come in pieces: what is behind the last that is whole waits for the next.
      const whole = rest.slice(0, rest.lastIndexOf('\n\n') + 2);
      rest = rest.slice(whole.length);
      for (const [, sent] of whole.matchAll(STAMP)) {
        had += 1;
        seen.events.push({ sentMs: Number(sent), lateMs: atMs - Number(sent) });
      }
      ended ||= whole.includes(end);
      if (whole !== '') last = whole;
    }
    if (!ended) return `without its end: ${DETAIL.exec(last)?.[1] ?? 'it broke off'}`;
    return had === events ? undefined : `${had} events`;
  };
  const reading = async (n: number) => {
    const why = await read(n).catch((error: Error) => error.message);
    if (why === undefined) seen.whole += 1;
    else seen.wrong.set(why, (seen.wrong.get(why) ?? 0) + 1);
  };
  await Promise.all(Array.from({ length: streams }, (_, n) => reading(n)));
  await agent.close();
  return seen;
}
