import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';

type Answer = readonly string[] | 'SERVFAIL' | 'silence';

const A = 1;
const AAAA = 28;
const NO_ERROR = 0;
const SERVER_FAILURE = 2;
const NO_SUCH_NAME = 3;

/** A name server over UDP that knows the names that it is told, and answers for them as it is told (RFC 1035, 3596). */
export class NameServer {
  /** The names that it was asked for, in order. */
  readonly asked: string[] = [];
  readonly #names = new Map<string, { a: Answer; aaaa: Answer }>();
  readonly #socket = createSocket('udp4', (query, from) => this.#answer(query, from));

  static async start(): Promise<NameServer> {
    const server = new NameServer();
    server.#socket.bind(0, '127.0.0.1');
    await once(server.#socket, 'listening');
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  knows(name: string, answers: { a: Answer; aaaa: Answer }): void {
    this.#names.set(name, answers);
  }

  async stop(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #answer(query: Buffer, from: RemoteInfo): void {
    const { name, end } = nameAt(query, 12);
    const type = query.readUInt16BE(end);
    this.asked.push(name);
    const known = this.#names.get(name);
    const answer = known?.[type === AAAA ? 'aaaa' : 'a'];
    if (answer === 'silence') return;
    const addresses = answer === undefined || answer === 'SERVFAIL' ? [] : answer;
    const code = answer === 'SERVFAIL' ? SERVER_FAILURE : known === undefined ? NO_SUCH_NAME : NO_ERROR;
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // An answer, to a question that wanted recursion and gets it.
    header.writeUInt16BE(0x8180 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    const records = addresses.map((address) => recordOf(address));
    this.#socket.send(
      Buffer.concat([header, query.subarray(12, end + 4), ...records]),
      from.port,
      from.address,
    );
  }
}

function nameAt(message: Buffer, offset: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = offset;
  for (let length = message[at]!; length !== 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function recordOf(address: string): Buffer {
  const data = address.includes(':') ? bytesOf(address) : Buffer.from(address.split('.').map(Number));
  const record = Buffer.alloc(12);
  // The name is that of the question, by a pointer to it.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(data.length === 4 ? A : AAAA, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(0, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}

function bytesOf(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0');
  const bytes = Buffer.alloc(16);
  [...groups(head), ...zeros, ...groups(tail)].forEach((group, i) =>
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i),
  );
  return bytes;
}
