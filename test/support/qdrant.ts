import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Schemas } from '@qdrant/js-client-rest';
import { Engine } from './qdrant.engine.ts';
import { Refusal } from './qdrant.filter.ts';

// A Qdrant server to test against, where there is none: real HTTP, the routes and the words of the real one, exact search.
// It runs under Jest and, for the fault kit, under plain Node: it imports nothing of ours and no test function. What it
// does not show: how the real one ranks by its index, and how its optimizer behaves.

/** What it does instead of answering as it should. */
export type QdrantFault =
  | { kind: 'status'; status: number; retryAfter?: string; body?: string; contentType?: string }
  /** Holds each request, and does it when the fault is over, as a process does that was stopped and goes on. */
  | { kind: 'hang' }
  | { kind: 'slow'; ms: number }
  /** Resets the connection instead of answering; the request was not done. */
  | { kind: 'reset' }
  /** Does what it was asked to, and cuts its answer off in the middle. */
  | { kind: 'truncate' }
  /** What a proxy says that finds nobody behind it. */
  | { kind: 'html' };

export interface QdrantRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Undefined while there is no answer yet. */
  status?: number;
  /** The client went away before it had its answer. */
  aborted: boolean;
}

export interface QdrantOptions {
  /** Default: a free one. */
  port?: number;
  apiKey?: string;
}

const REQUESTS_KEPT = 10_000;
const VERSION = '1.19.0';

export async function startQdrant(options: QdrantOptions = {}): Promise<QdrantDouble> {
  const double = new QdrantDouble(options);
  await double.start();
  return double;
}

export class QdrantDouble {
  /** Each request that came in, the oldest first. */
  readonly requests: QdrantRequest[] = [];
  private readonly engine = new Engine();
  private readonly apiKey: string | undefined;
  private server: Server | undefined;
  private listening: number;
  private fault: QdrantFault | undefined;
  private only: RegExp | undefined;
  private release = Promise.withResolvers<void>();

  constructor({ port = 0, apiKey }: QdrantOptions) {
    this.listening = port;
    this.apiKey = apiKey;
  }

  get port(): number {
    return this.listening;
  }

  get url(): string {
    return `http://127.0.0.1:${this.listening}`;
  }

  /** Listens, from the second time on where it did before, with what it kept. */
  async start(): Promise<void> {
    const server = createServer((request, response) => void this.serve(request, response));
    server.listen(this.listening, '127.0.0.1');
    await once(server, 'listening');
    this.server = server;
    this.listening = (server.address() as AddressInfo).port;
  }

  /** Ends as by kill -9: nobody is told. What it holds is on its disk: `start` brings it back, `lose` does away with it. */
  async stop(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    this.behave();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** Forgets every collection. */
  lose(): void {
    this.engine.lose();
  }

  /**
   * From now on it misbehaves like this, or, without a fault, behaves.
   * @param only what requests it concerns, by method and path: `/POST .*query/`
   */
  behave(fault?: QdrantFault, only?: RegExp): void {
    this.fault = fault;
    this.only = only;
    this.release.resolve();
    this.release = Promise.withResolvers<void>();
  }

  /** How many requests of this kind came in: `/POST .*query/`. */
  count(kind = /./): number {
    return this.requests.filter(({ method, path }) => kind.test(`${method} ${path}`)).length;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.url);
    const seen: QdrantRequest = {
      method: request.method!,
      path: pathname,
      query: searchParams,
      aborted: false,
    };
    this.requests.push(seen);
    if (this.requests.length > REQUESTS_KEPT) this.requests.shift();
    response.on('close', () => {
      seen.aborted = !response.writableEnded;
    });
    const answer = (status: number, body: string, headers: Record<string, string> = {}) => {
      seen.status = status;
      response.writeHead(status, headers).end(body);
    };
    try {
      const body = await read(request);
      const fault = this.only?.test(`${seen.method} ${seen.path}`) === false ? undefined : this.fault;
      if (fault?.kind === 'hang') await this.release.promise;
      if (fault?.kind === 'slow') await sleep(fault.ms);
      if (fault?.kind === 'reset') {
        request.socket.resetAndDestroy();
        return;
      }
      if (fault?.kind === 'html') {
        answer(502, '<html><body><h1>502 Bad Gateway</h1></body></html>', { 'content-type': 'text/html' });
        return;
      }
      if (fault?.kind === 'status') {
        const {
          status,
          retryAfter,
          body: words = error(`Service error: ${status}`),
          contentType = JSON_TYPE,
        } = fault;
        answer(status, words, {
          'content-type': contentType,
          ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
        });
        return;
      }
      const { status, text, type } = this.answer(request, seen, body);
      if (fault?.kind === 'truncate') {
        response.writeHead(status, { 'content-type': type, 'content-length': text.length });
        response.write(text.slice(0, text.length / 2), () => request.socket.destroy());
        return;
      }
      answer(status, text, { 'content-type': type });
    } catch (failure) {
      if (response.destroyed) return;
      answer(failure instanceof Refusal ? failure.status : 500, error((failure as Error).message), {
        'content-type': JSON_TYPE,
      });
    }
  }

  private answer(request: IncomingMessage, { method, path, query }: QdrantRequest, body: string) {
    const plain = (status: number, text: string) => ({ status, text, type: 'text/plain; charset=utf-8' });
    if (/^\/(healthz|livez|readyz)$/.test(path)) return plain(200, 'healthz check passed');
    if (this.apiKey !== undefined && request.headers['api-key'] !== this.apiKey) {
      const words =
        request.headers['api-key'] === undefined
          ? 'Must provide an API key or an Authorization bearer token'
          : 'Invalid API key or JWT';
      return plain(401, words);
    }
    if (path === '/')
      return {
        status: 200,
        text: JSON.stringify({
          title: 'qdrant - vector search engine',
          version: VERSION,
        } satisfies Schemas['VersionInfo']),
        type: JSON_TYPE,
      };
    const startedMs = performance.now();
    const result = this.route(`${method} ${path}`, parse(body), query);
    if (result === undefined) return plain(404, '');
    const time = (performance.now() - startedMs) / 1_000;
    return { status: 200, text: JSON.stringify({ result, status: 'ok', time }), type: JSON_TYPE };
  }

  /** The result of a request; undefined for a route that there is none of. */
  private route(route: string, body: any, query: URLSearchParams): unknown {
    const { engine } = this;
    const wait = query.get('wait') === 'true';
    if (route === 'GET /collections')
      return {
        collections: [...engine.collections.keys()].map((name) => ({ name })),
      } satisfies Schemas['CollectionsResponse'];
    if (route === 'GET /aliases')
      return {
        aliases: [...engine.aliases].map(([alias_name, collection_name]) => ({
          alias_name,
          collection_name,
        })),
      } satisfies Schemas['CollectionsAliasesResponse'];
    if (route === 'POST /collections/aliases')
      return engine.changeAliases((body as Schemas['ChangeAliasesOperation']).actions);

    const [, method, encoded, rest] = /^(\w+) \/collections\/([^/]+)(\/.*)?$/.exec(route) ?? [];
    if (encoded === undefined) return undefined;
    const name = decodeURIComponent(encoded);
    switch (`${method} ${rest ?? ''}`) {
      case 'PUT ':
        return engine.create(name, body as Schemas['CreateCollection']);
      case 'GET ':
        return engine.find(name).info();
      case 'DELETE ':
        return engine.delete(name);
      case 'GET /exists':
        return {
          exists: engine.collections.has(name) || engine.aliases.has(name),
        } satisfies Schemas['CollectionExistence'];
      case 'PUT /index':
        return engine.index(
          name,
          body as Schemas['CreateFieldIndex'],
          wait,
        ) satisfies Schemas['UpdateResult'];
      case 'POST /snapshots':
        return engine.snapshot(name);
      case 'GET /snapshots':
        return [...engine.find(name).snapshots.values()] satisfies Schemas['SnapshotDescription'][];
      case 'PUT /points':
        return engine.find(name).upsert((body as Schemas['PointsList']).points, wait);
      case 'POST /points/delete':
        return engine.find(name).remove(body as Schemas['PointsSelector'], wait);
      case 'POST /points/query':
        return engine.find(name).query(body as Schemas['QueryRequest']);
      case 'POST /points/scroll':
        return engine.find(name).scroll(body as Schemas['ScrollRequest']);
      case 'POST /points/count':
        return { count: engine.find(name).matching(body.filter).length } satisfies Schemas['CountResult'];
      default:
        return undefined;
    }
  }
}

const JSON_TYPE = 'application/json';

function error(message: string): string {
  return JSON.stringify({ status: { error: message }, time: 0 } satisfies Schemas['ErrorResponse']);
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function parse(body: string): unknown {
  if (body === '') return {};
  try {
    return JSON.parse(body);
  } catch {
    throw new Refusal(400, 'Format error in JSON body: it is no JSON');
  }
}
