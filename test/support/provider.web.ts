import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What is wrong with a search of the web. */
export type WebFault =
  | { kind: 'refuse' }
  | { kind: 'hang' }
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  | { kind: 'cut' }
  | { kind: 'body'; text: string };

/** A search of the web with Tavily's API, over real sockets, which finds the pages that it was given. */
export class Web {
  readonly requests: {
    atMs: number;
    headers: IncomingMessage['headers'];
    body: any;
    abandonedAtMs?: number;
  }[] = [];
  readonly #pages: readonly object[];
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #fault: WebFault | undefined;
  #port = 0;

  /** @param pages found for whatever is searched for, in this order */
  constructor(pages: readonly object[]) {
    this.#pages = pages;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** From now on; `undefined` is health. */
  async behave(fault: WebFault | undefined): Promise<void> {
    this.#fault = fault;
    await (fault?.kind === 'refuse' ? this.stop() : this.start());
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const fault = this.#fault;
    if (message.method === 'HEAD') {
      if (fault?.kind === 'status') response.writeHead(fault.status);
      if (fault?.kind !== 'hang') response.end();
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { query: string; max_results: number };
    const request: Web['requests'][number] = { atMs: performance.now(), headers: message.headers, body };
    this.requests.push(request);
    response.once('close', () => {
      if (!response.writableFinished) request.abandonedAtMs = performance.now();
    });
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, fault.headers).end('{"detail":{"error":"key tvly-canary"}}');
      return;
    }
    const results = this.#pages.slice(0, body.max_results);
    const text = JSON.stringify({ query: body.query, results, response_time: 0.1 });
    if (fault?.kind === 'cut') {
      response.writeHead(200, { 'content-length': text.length });
      response.write(text.slice(0, 5), () => response.destroy());
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(fault?.kind === 'body' ? fault.text : text);
  }
}

export async function startWeb(pages: readonly object[] = []): Promise<Web> {
  const web = new Web(pages);
  await web.start();
  return web;
}
