import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

/** A span as OTLP over HTTP has it in JSON, as far as it is looked at. */
export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: { key: string; value: Record<string, unknown> }[];
  status?: { code?: number; message?: string };
}

/** What takes traces in: OTLP over HTTP, in JSON. */
export class Collector {
  readonly spans: Span[] = [];
  readonly headers: Record<string, unknown>[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Collector> {
    const server = createServer();
    const collector = new Collector(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        collector.headers.push(request.headers);
        const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Traces;
        collector.spans.push(...resourceSpans.flatMap((r) => r.scopeSpans).flatMap(({ spans }) => spans));
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

interface Traces {
  resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
}
