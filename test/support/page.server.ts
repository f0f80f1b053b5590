import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

interface Asked {
  path: string;
  headers: IncomingMessage['headers'];
  /** Its connection ended before its answer did. */
  abandoned: boolean;
}

/** A web server with one handler a path, over real sockets: it behaves as badly as its handlers do. */
export class PageServer {
  /** In the order in which they came. */
  readonly asked: Asked[] = [];
  readonly #handlers = new Map<string, Handler>();
  readonly #server;
  readonly #scheme: 'http' | 'https';

  private constructor(private readonly tls: { key: string; cert: string } | undefined) {
    const listener: RequestListener = (request, response) => void this.#serve(request, response);
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    this.#scheme = this.tls === undefined ? 'http' : 'https';
  }

  static async start(tls?: { key: string; cert: string }): Promise<PageServer> {
    const server = new PageServer(tls);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** As `WEB_PAGES_PRIVATE_HOSTS` names it. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  url(path: string, hostname = '127.0.0.1'): string {
    return `${this.#scheme}://${hostname}:${this.port}${path}`;
  }

  /** How often a path was asked for. */
  count(path: string): number {
    return this.asked.filter((asked) => asked.path === path).length;
  }

  /** What is answered at a path from now on; elsewhere there is nothing (404). @returns the URL of the path */
  on(path: string, handler: Handler): string {
    this.#handlers.set(path, handler);
    return this.url(path);
  }

  /** A page that is well. */
  show(path: string, body: string | Buffer, type = 'text/html; charset=utf-8', more: object = {}): string {
    return this.on(path, (_request, response) => {
      response.writeHead(200, { 'content-type': type, ...more }).end(body);
    });
  }

  status(path: string, status: number, headers: Record<string, string> = {}): string {
    return this.on(path, (_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html', ...headers }).end('<p>internal canary</p>');
    });
  }

  redirect(path: string, location: string, status = 302): string {
    return this.status(path, status, { location });
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const asked: Asked = { path, headers: request.headers, abandoned: false };
    this.asked.push(asked);
    response.once('close', () => (asked.abandoned = !response.writableFinished));
    const handler = this.#handlers.get(path);
    if (handler === undefined)
      response.writeHead(404, { 'content-type': 'text/html' }).end('<p>Not here</p>');
    else await handler(request, response);
  }
}
