import { createServer, type Server, Socket } from 'node:net';
import { Flow } from './fault-proxy.flow.js';
import { type LineFault, shapeOf } from './fault-proxy.faults.js';

/** What has gone through since the start. */
export interface LineCounts {
  /** Connections accepted, those that were reset at once among them. Those that nobody listened for are not seen. */
  connections: number;
  /** Times that a client spoke after the server had had the last word: calls, where an answer follows each question. */
  calls: number;
  /** Connections that the fault ended. */
  cuts: number;
  bytesUp: number;
  bytesDown: number;
}

/** A TCP proxy on loopback that stands between a client and a server and can be made to misbehave at any moment. */
export class FaultProxy {
  #fault: LineFault | undefined;
  #timer: NodeJS.Timeout | undefined;
  #asked = 0;
  readonly #lines = new Set<Line>();
  readonly counts: LineCounts = { connections: 0, calls: 0, cuts: 0, bytesUp: 0, bytesDown: 0 };

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly targetPort: number,
  ) {
    server.on('connection', (client: Socket) => this.accept(client));
  }

  /** @param targetPort a server on this machine; it need not be there yet */
  static async start(targetPort: number): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await listen(server, 0);
    return new FaultProxy(server, (server.address() as { port: number }).port, targetPort);
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#lines.size;
  }

  /** Clients that wait for an answer now. */
  get asking(): number {
    return [...this.#lines].filter((line) => line.asking).length;
  }

  /** From now on the line is like this. Resolves when it is. */
  async behave(fault: LineFault): Promise<void> {
    clearTimeout(this.#timer);
    await this.become(fault);
  }

  /** The line is well again, and gives out what it held. */
  async heal(): Promise<void> {
    clearTimeout(this.#timer);
    await this.become(undefined);
  }

  /** Resets whoever is connected now, once. */
  cut(): void {
    for (const line of this.#lines) line.cut('reset');
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.cut();
    await close(this.server);
  }

  private async become(fault: LineFault | undefined): Promise<void> {
    if (fault?.kind === 'flap') {
      const { upMs, downMs } = fault;
      const turn = async (down: boolean): Promise<void> => {
        this.#timer = setTimeout(() => void turn(!down), down ? downMs : upMs);
        await this.become(down ? fault.fault : undefined);
      };
      await turn(true);
      return;
    }
    // Who is still silent from before finds out now: the other end knows nothing of them.
    for (const line of this.#lines) if (line.forgotten) line.cut('reset');
    this.#fault = fault;
    this.#asked = 0;
    if (fault?.kind === 'refuse') {
      this.cut();
      await close(this.server);
    } else if (!this.server.listening) {
      await listen(this.server, this.port);
    }
    for (const line of this.#lines) {
      if (fault?.kind === 'half_open') line.forgotten = true;
      line.reshape(fault);
    }
  }

  private accept(client: Socket): void {
    this.counts.connections += 1;
    if (this.#fault?.kind === 'reset' && this.#fault.on === 'connect') {
      this.counts.cuts += 1;
      client.on('error', () => {}); // it is being reset: there is nobody to tell
      client.resetAndDestroy();
      return;
    }
    const line = new Line(client, this.targetPort, this.#fault, {
      called: () => {
        this.counts.calls += 1;
      },
      up: (bytes) => {
        this.counts.bytesUp += bytes.length;
        this.heard(line, bytes);
      },
      down: (bytes) => {
        this.counts.bytesDown += bytes.length;
        if (line.replyIsLost) line.cut('reset');
      },
      cut: () => {
        this.counts.cuts += 1;
      },
      closed: () => this.#lines.delete(line),
    });
    this.#lines.add(line);
  }

  private heard(line: Line, bytes: Buffer): void {
    const fault = this.#fault;
    if (fault?.kind === 'reset' && fault.on === 'established') line.cut('reset');
    if (fault?.kind === 'lose_reply' && fault.to.test(bytes.toString('latin1'))) {
      this.#asked += 1;
      line.replyIsLost = this.#asked % fault.every === 0;
    }
  }
}

/** One connection through the proxy: a client, a server, and a flow each way. */
class Line {
  /** Both ends think that they are connected, and nothing passes any more. */
  forgotten = false;
  /** What the server says next to this client is not to arrive. */
  replyIsLost = false;
  readonly #server: Socket;
  readonly #up: Flow;
  readonly #down: Flow;
  #connected = false;
  #asking = false;
  #ended = 0;

  constructor(
    private readonly client: Socket,
    private readonly port: number,
    fault: LineFault | undefined,
    private readonly told: {
      called: () => void;
      up: (bytes: Buffer) => void;
      down: (bytes: Buffer) => void;
      cut: () => void;
      closed: () => void;
    },
  ) {
    this.#server = new Socket({ allowHalfOpen: true });
    const asked = () => {
      if (!this.#asking) told.called();
      this.#asking = true;
    };
    const answered = (bytes: Buffer) => {
      this.#asking = false;
      told.down(bytes);
    };
    const cut = (how: 'fin' | 'reset') => this.cut(how);
    this.#up = new Flow(client, this.#server, shapeOf(fault, 'up'), asked, told.up, cut);
    this.#down = new Flow(this.#server, client, shapeOf(fault, 'down'), () => {}, answered, cut);
    for (const socket of [client, this.#server]) {
      socket.once('close', () => {
        this.#ended += 1;
        if (this.#ended === 2) told.closed();
      });
    }
    if (fault?.kind !== 'black_hole') this.connect();
  }

  get asking(): boolean {
    return this.#asking;
  }

  reshape(fault: LineFault | undefined): void {
    if (this.forgotten) {
      const silent = { ...shapeOf(undefined, 'up'), held: true };
      this.#up.reshape(silent);
      this.#down.reshape(silent);
      return;
    }
    if (fault?.kind !== 'black_hole') this.connect();
    this.#up.reshape(shapeOf(fault, 'up'));
    this.#down.reshape(shapeOf(fault, 'down'));
  }

  /** Ends it for both. */
  cut(how: 'fin' | 'reset'): void {
    if (this.#ended === 0) this.told.cut();
    this.#up.stop();
    this.#down.stop();
    for (const socket of [this.client, this.#server]) {
      if (how === 'reset' && !socket.connecting) socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  private connect(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#server.setNoDelay(true);
    this.#server.connect({ port: this.port, host: '127.0.0.1' });
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => server.close(() => resolve()));
}
