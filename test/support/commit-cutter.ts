import { connect, createServer, type Server, type Socket } from 'node:net';

// A simple query as PostgreSQL's protocol has it: type, length, text, zero.
const COMMIT = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1');

/**
 * Stands in front of a PostgreSQL server and, once it is told to, cuts connections between COMMIT and the reply to it: the
 * server has committed, and the client will never know. Or it lets new ones in elsewhere, as a name does that is moved.
 */
export class CommitCutter {
  /** How many of the next commits to cut. */
  cuts = 0;
  /** Lets nobody in any more once it has cut. */
  closesThen = false;
  private closed = false;
  private readonly first: number;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private target: number,
  ) {
    this.first = target;
    server.on('connection', (client: Socket) => this.accept(client));
  }

  static async before(port: number): Promise<CommitCutter> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new CommitCutter(server, port);
  }

  /** The same database, through here. */
  through(url: string): string {
    const { port } = this.server.address() as { port: number };
    return url.replace(`:${this.first}/`, `:${port}/`);
  }

  /** From now on new connections lead to another server; those that are open stay where they are. */
  moveTo(port: number): void {
    this.target = port;
  }

  /** Lets everybody in again. */
  reopen(): void {
    this.closed = false;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(client: Socket): void {
    if (this.closed) {
      client.destroy();
      return;
    }
    const server = connect(this.target, '127.0.0.1');
    let cutting = false;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
    client.on('data', (bytes: Buffer) => {
      if (this.cuts > 0 && bytes.includes(COMMIT)) {
        this.cuts -= 1;
        cutting = true;
      }
      server.write(bytes);
    });
    server.on('data', (bytes: Buffer) => {
      if (!cutting) {
        client.write(bytes);
        return;
      }
      this.closed = this.closesThen;
      client.destroy();
    });
  }
}
