import { Agent } from 'undici';
import { send } from '../support/clients.ts';

/** What became of the requests of one kind. */
export interface Outcomes {
  /** Answered by a success, to the end. */
  whole: number;
  /** Streams that the client left in their middle. */
  left: number;
  /** Streams that said in an event that they failed. */
  told: number;
  /** Streams that ended without saying so. */
  broken: number;
  /** Other answers, by status; 0 is a connection that broke off. */
  refused: Map<number, number>;
}

interface Asking {
  kind: string;
  path: string;
  body: { stream?: boolean; [field: string]: unknown };
}

// One second of traffic at 20 requests a second; slower and faster ones have the same mix.
const MIX = (
  'search answer ingest answer:stream door:stream search chat generate:stream answer:stream search ' +
  'feedback door answer ingest chat:stream generate search generate:stream answer:stream door:stream'
).split(' ');
const DOCUMENTS = 200;
// A conversation has some turns, and then another begins.
const TURNS = 10;
const LEAVE_EVERY = 10;
const THINGS = ['lamp', 'stove', 'boat', 'kite', 'clock', 'loom', 'press', 'forge', 'mill', 'pump'];
const FUELS = ['colza oil', 'whale oil', 'peat', 'charcoal', 'tallow', 'resin', 'straw'];

/** Mixed requests of clients, some of whom leave before they have their answer. */
export class Traffic {
  readonly outcomes = new Map<string, Outcomes>();
  /** Streams that are being read. */
  streams = 0;
  private readonly agent = new Agent({ connections: 256, pipelining: 1 });
  private readonly underWay = new Set<Promise<void>>();
  private asked = 0;
  private streamed = 0;
  private session: { id: string; turns: number } | undefined;
  private generation: string | undefined;

  private readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  get open(): number {
    return this.underWay.size;
  }

  /** Sends the next request, and waits for nothing. */
  next(): void {
    const n = this.asked++;
    const work = this.ask(MIX[n % MIX.length]!, n).finally(() => this.underWay.delete(work));
    this.underWay.add(work);
  }

  /** Resolves when everybody has what he asked for, or has left. */
  async done(): Promise<void> {
    await Promise.all(this.underWay);
    await this.agent.close();
  }

  private async ask(what: string, n: number): Promise<void> {
    const asking = await this.asking(what, n);
    if (asking === undefined) return;
    const { kind, path, body } = asking;
    const outcomes = this.of(kind);
    const failed = (status: number) => outcomes.refused.set(status, (outcomes.refused.get(status) ?? 0) + 1);
    try {
      const reply = await send(`${this.url}${path}`, body, { dispatcher: this.agent });
      if (reply.statusCode >= 300) {
        failed(reply.statusCode);
        await reply.body.dump();
      } else if (body.stream === true) await this.read(reply.body, outcomes);
      else {
        this.learn(kind, (await reply.body.json()) as Record<string, string>);
        outcomes.whole += 1;
      }
    } catch {
      failed(0); // counted and shown: what became of it is what is measured
    }
  }

  /** Reads a stream to its end, or, each so-manieth, to its second piece. */
  private async read(body: AsyncIterable<Buffer>, outcomes: Outcomes): Promise<void> {
    this.streamed += 1;
    const leaves = this.streamed % LEAVE_EVERY === 0;
    this.streams += 1;
    let [pieces, end] = [0, ''];
    try {
      for await (const bytes of body) {
        pieces += 1;
        end = (end + bytes.toString('latin1')).slice(-4_096);
        if (leaves && pieces === 2) {
          outcomes.left += 1;
          return;
        }
      }
      if (/^event: done$|^data: \[DONE\]$/m.test(end)) outcomes.whole += 1;
      else if (/^event: error$|^data: \{"error":/m.test(end)) outcomes.told += 1;
      else outcomes.broken += 1;
    } catch {
      outcomes.broken += 1; // the connection broke off: the same to a reader
    } finally {
      this.streams -= 1;
    }
  }

  private async asking(what: string, n: number): Promise<Asking | undefined> {
    const stream = what.endsWith(':stream');
    const [thing, fuel] = [THINGS[n % THINGS.length]!, FUELS[n % FUELS.length]!];
    const question = `What does the ${thing} number ${n % DOCUMENTS} burn?`;
    const generate = { topic: question, format: 'note', stream };
    switch (what.split(':')[0]) {
      case 'ingest': {
        const content = `The ${thing} number ${n % DOCUMENTS} burns ${fuel} in winter. It was lit ${n} times. `;
        const document = {
          external_id: `document-${n % DOCUMENTS}`,
          title: thing,
          content: content.repeat(20),
        };
        return { kind: 'a document', path: '/api/v1/documents', body: document };
      }
      case 'search':
        return { kind: 'a search', path: '/api/v1/search', body: { query: question } };
      case 'answer':
        return { kind: named('an answer', stream), path: '/api/v1/answers', body: { question, stream } };
      case 'generate':
        return { kind: named('a generation', stream), path: '/api/v1/generate', body: generate };
      case 'feedback': {
        if (this.generation === undefined) return undefined;
        const judged = { generation_id: this.generation, human_approved: n % 3 !== 0, human_score: n % 11 };
        return {
          kind: 'feedback',
          path: '/api/v1/feedback',
          body: { ...judged, human_feedback: 'Shorter.' },
        };
      }
      case 'chat': {
        if (this.session === undefined || this.session.turns >= TURNS)
          return { kind: 'a conversation', path: '/api/v1/chat/sessions', body: {} };
        this.session.turns += 1;
        const path = `/api/v1/chat/sessions/${this.session.id}/messages`;
        return { kind: named('a message', stream), path, body: { content: question, stream } };
      }
      default: {
        const body = { model: 'mainstay', stream, messages: [{ role: 'user', content: question }] };
        return { kind: named('the door', stream), path: '/v1/chat/completions', body };
      }
    }
  }

  /** What later requests are about. */
  private learn(kind: string, { session_id: session, generation_id: generation }: Record<string, string>) {
    if (kind === 'a conversation') this.session = { id: session!, turns: 0 };
    if (kind === 'a generation') this.generation = generation;
  }

  private of(kind: string): Outcomes {
    let outcomes = this.outcomes.get(kind);
    if (outcomes === undefined) {
      outcomes = { whole: 0, left: 0, told: 0, broken: 0, refused: new Map() };
      this.outcomes.set(kind, outcomes);
    }
    return outcomes;
  }
}

const named = (kind: string, stream: boolean) => (stream ? `${kind}, streamed` : kind);
