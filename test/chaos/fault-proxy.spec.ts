import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../support/eventually.js';
import type { LineFault } from '../support/fault-proxy.faults.js';
import { FaultProxy } from '../support/fault-proxy.js';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** A client of the echo server behind the proxy. */
class Client {
  readonly socket: Socket;
  readonly errors: string[] = [];
  received = Buffer.alloc(0);
  ended = false;
  closed = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (bytes: Buffer) => (this.received = Buffer.concat([this.received, bytes])));
    this.socket.on('end', () => (this.ended = true));
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.errors.push(error.code ?? error.message));
    this.socket.on('close', () => (this.closed = true));
  }

  get text(): string {
    return this.received.toString();
  }

  /** Sends the words and waits until they have come back. @returns how long that took, in milliseconds */
  async echo(words: string): Promise<number> {
    const before = this.received.length;
    const startedMs = performance.now();
    this.socket.write(words);
    await eventually(() => this.received.length >= before + words.length, { everyMs: 2 });
    return performance.now() - startedMs;
  }

  /** Resolves when nothing has come for a while. Silence is what is tested: there is nothing else to wait for. */
  async silent(ms = 150): Promise<boolean> {
    const before = this.received.length;
    await new Promise((resolve) => setTimeout(resolve, ms));
    return this.received.length === before && !this.closed;
  }
}

describe('FaultProxy', () => {
  let server: Server;
  let proxy: FaultProxy;
  let heard: Buffer[];
  const clients: Client[] = [];
  const client = () => {
    const one = new Client(proxy.port);
    clients.push(one);
    return one;
  };

  beforeEach(async () => {
    heard = [];
    server = createServer((socket) => {
      socket.on('data', (bytes: Buffer) => {
        heard.push(bytes);
        socket.write(bytes);
      });
      socket.on('error', () => {}); // resets are what is tested
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await FaultProxy.start((server.address() as { port: number }).port);
  });
  afterEach(async () => {
    for (const one of clients.splice(0)) one.socket.destroy();
    await proxy.stop();
    await new Promise((resolve) => server.close(resolve));
  });

  it('passes on what is said in both directions, and counts it', async () => {
    const one = client();
    await one.echo('hello');
    expect(one.text).toBe('hello');
    expect(proxy.counts).toEqual({ connections: 1, calls: 1, cuts: 0, bytesUp: 5, bytesDown: 5 });
    expect(proxy.open).toBe(1);
    one.socket.end();
    await eventually(() => one.closed && proxy.open === 0);
    expect(one.errors).toEqual([]);
  });

  it.each<[string, LineFault]>([
    ['hangs', { kind: 'hang' }],
    ['hangs on the way back', { kind: 'hang', direction: 'down' }],
    ['is a black hole', { kind: 'black_hole' }],
    ['is late, and not evenly', { kind: 'latency', ms: 20, jitterMs: 20 }],
    ['is slow', { kind: 'bandwidth', bytesPerS: 2_000_000 }],
    ['comes in pieces', { kind: 'slice', bytes: 1_000 }],
    ['flaps', { kind: 'flap', upMs: 20, downMs: 20, fault: { kind: 'hang' } }],
  ])(
    'loses no byte and keeps their order while the line %s, in the middle of a connection',
    async (_, fault) => {
      const sent = randomBytes(400_000);
      const one = client();
      one.socket.write(sent.subarray(0, 100_000));
      await proxy.behave(fault);
      one.socket.write(sent.subarray(100_000, 300_000));
      const late = client();
      late.socket.write(sent.subarray(0, 1_000));
      // The middle of the fault, whatever it is.
      await new Promise((resolve) => setTimeout(resolve, 100));
      await proxy.heal();
      one.socket.write(sent.subarray(300_000));
      await eventually(() => one.received.length >= sent.length && late.received.length >= 1_000);
      expect(sha256(one.received)).toBe(sha256(sent));
      expect(sha256(late.received)).toBe(sha256(sent.subarray(0, 1_000)));
    },
  );

  it('holds what was said in a hang, also by a client that has gone since', async () => {
    const one = client();
    await one.echo('before');
    await proxy.behave({ kind: 'hang' });
    one.socket.end('and after');
    expect(await one.silent()).toBe(true);
    expect(Buffer.concat(heard).toString()).toBe('before');
    await proxy.heal();
    await eventually(() => Buffer.concat(heard).toString() === 'beforeand after');
    await eventually(() => one.ended);
    expect(one.text).toBe('beforeand after');
  });

  it('holds answers alone where that is what hangs: the server has done what it was asked', async () => {
    const one = client();
    await one.echo('a');
    await proxy.behave({ kind: 'hang', direction: 'down' });
    one.socket.write('b');
    await eventually(() => Buffer.concat(heard).toString() === 'ab');
    expect(await one.silent()).toBe(true);
    expect(proxy.asking).toBe(1);
    await proxy.heal();
    await eventually(() => one.text === 'ab' && proxy.asking === 0);
  });

  it('accepts into a black hole, and lets nothing through to the server', async () => {
    const old = client();
    await old.echo('x');
    await proxy.behave({ kind: 'black_hole' });
    const one = client();
    await once(one.socket, 'connect');
    one.socket.write('anybody?');
    old.socket.write('anybody?');
    expect(await one.silent()).toBe(true);
    expect(Buffer.concat(heard).toString()).toBe('x');
    const connections = await new Promise((resolve) => server.getConnections((_, n) => resolve(n)));
    expect(connections).toBe(1);
  });

  it('forgets those who are connected and serves those who come, until it is healed', async () => {
    const old = client();
    await old.echo('x');
    await proxy.behave({ kind: 'half_open' });
    old.socket.write('lost');
    await client().echo('well');
    expect(await old.silent()).toBe(true);
    await proxy.heal();
    await eventually(() => old.errors.includes('ECONNRESET'));
    expect(Buffer.concat(heard).toString()).toBe('xwell');
  });

  it('refuses, cuts off who was connected, and listens on the same port again', async () => {
    const old = client();
    await old.echo('x');
    await proxy.behave({ kind: 'refuse' });
    await eventually(() => old.errors.includes('ECONNRESET'));
    const one = client();
    await eventually(() => one.errors.includes('ECONNREFUSED'));
    await proxy.heal();
    await client().echo('back');
  });

  it('resets whoever connects', async () => {
    const old = client();
    await old.echo('x');
    await proxy.behave({ kind: 'reset', on: 'connect' });
    const one = client();
    await eventually(() => one.errors.includes('ECONNRESET'));
    await old.echo('still here');
    expect(proxy.counts.connections).toBe(2);
  });

  it('resets whoever says something, and the server never hears it', async () => {
    const old = client();
    await old.echo('x');
    await proxy.behave({ kind: 'reset', on: 'established' });
    const one = client();
    await once(one.socket, 'connect');
    one.socket.write('y');
    old.socket.write('z');
    await eventually(() => one.closed && old.closed);
    expect([...one.errors, ...old.errors]).toEqual(['ECONNRESET', 'ECONNRESET']);
    expect(Buffer.concat(heard).toString()).toBe('x');
  });

  it('is as late as it was told to be, one way or both', async () => {
    const one = client();
    await one.echo('x');
    await proxy.behave({ kind: 'latency', ms: 100 });
    expect(await one.echo('both ways')).toBeGreaterThanOrEqual(195);
    await proxy.behave({ kind: 'latency', ms: 100, direction: 'up' });
    expect(await one.echo('one way')).toBeGreaterThanOrEqual(95);
  });

  it('lets no more bytes a second through than it was told to', async () => {
    const one = client();
    await one.echo('x');
    await proxy.behave({ kind: 'bandwidth', bytesPerS: 20_000, direction: 'down' });
    expect(await one.echo('x'.repeat(8_000))).toBeGreaterThanOrEqual(350);
  });

  it.each(['fin', 'reset'] as const)('ends a connection after so many bytes, by a %s', async (end) => {
    const one = client();
    await one.echo('x');
    await proxy.behave({ kind: 'truncate', afterBytes: 1_000, end });
    one.socket.write('y'.repeat(5_000));
    await eventually(() => one.closed || one.ended);
    expect(one.received.length).toBe(1 + 1_000);
    expect(one.errors).toEqual(end === 'fin' ? [] : ['ECONNRESET']);
  });

  it('lets the server do what it was asked, and loses every second reply to it', async () => {
    await proxy.behave({ kind: 'lose_reply', to: /commit/i, every: 2 });
    const [one, two] = [client(), client()];
    await one.echo('SELECT');
    await one.echo('COMMIT');
    two.socket.write('COMMIT');
    await eventually(() => two.closed);
    expect(two.received.length).toBe(0);
    expect(proxy.counts.cuts).toBe(1);
    expect(Buffer.concat(heard).toString()).toBe('SELECTCOMMITCOMMIT');
  });

  it('flaps: well and sick in turns, and well when it is healed', async () => {
    const one = client();
    await one.echo('x');
    await proxy.behave({ kind: 'flap', upMs: 100, downMs: 100, fault: { kind: 'reset', on: 'connect' } });
    const fates: string[] = [];
    await eventually(async () => {
      const next = client();
      next.socket.write('y');
      const fate = await eventually(() => (next.text === 'y' ? 'well' : next.closed && 'reset'), {
        everyMs: 2,
      });
      if (fate !== fates.at(-1)) fates.push(fate);
      return fates.length >= 4;
    });
    expect(fates.slice(0, 4)).toEqual(['reset', 'well', 'reset', 'well']);
    await proxy.heal();
    await client().echo('z');
  });
});
