import type { Server, ServerResponse } from 'node:http';

/** The requests that are under way, below Fastify: also those whose answer is a stream. */
export class OpenRequests {
  private readonly open = new Set<ServerResponse>();
  private closing = false;
  private idle = Promise.withResolvers<void>();

  constructor(private readonly server: Server) {
    // Before Fastify, which may answer at once.
    server.prependListener('request', (_request, response) => {
      this.open.add(response);
      if (this.closing) response.setHeader('Connection', 'close');
      response.on('close', () => this.closed(response));
    });
  }

  get count(): number {
    return this.open.size;
  }

  /** From now on each answer tells its client to open its next connection elsewhere. */
  closeConnections(): void {
    this.closing = true;
    for (const response of this.open) if (!response.headersSent) response.setHeader('Connection', 'close');
  }

  /** Refuses new connections. Those that are open and idle end, requests under way go on. */
  stopListening(): void {
    this.server.close();
    if (this.open.size === 0) this.idle.resolve();
  }

  /** Resolves, once it no longer listens, when no request is under way. */
  get done(): Promise<void> {
    return this.idle.promise;
  }

  private closed(response: ServerResponse): void {
    this.open.delete(response);
    if (this.open.size === 0 && !this.server.listening) this.idle.resolve();
  }
}
