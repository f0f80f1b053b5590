import { QdrantClient } from '@qdrant/js-client-rest';
import { Agent, DecoratorHandler, type Dispatcher } from 'undici';

// The client has no limits of its own for what it waits, because each call of ours has one; and no more sockets than
// these, which must be more than the calls that the guard lets through at once: the check needs one too.
const SOCKETS_MAX = 25;
const CONNECT_TIMEOUT_MS = 1_000;
/** Calls under way at once. */
export const CONCURRENCY_MAX = 20;
// What each client of Qdrant takes where a URL names no port.
const PORT = 6_333;

/** The header that `Retry-After` is moved to, before the client sees it. */
export const RETRY_AFTER = 'x-retry-after';

type Api = ReturnType<QdrantClient['api']>;
type Init = RequestInit & { dispatcher: Dispatcher };

/**
 * The generated operations of Qdrant's own client, each call with a signal of its own.
 *
 * Its comfortable methods cannot be aborted, and read `Retry-After: 30` as 3 (and fail at a date); therefore its operations
 * are called directly, with connections that keep that header from it.
 */
export class QdrantConnection {
  private readonly api: Api;
  private readonly dispatcher: Dispatcher;
  private connected = 0;

  constructor(url: string, apiKey?: string) {
    this.api = new QdrantClient({
      ...addressOf(url),
      // Not as `apiKey`: that would print a warning of its own where the connection is not encrypted.
      ...(apiKey !== undefined && { headers: { 'api-key': apiKey } }),
      // A finite one would take the place of our signals.
      timeout: Infinity,
      // It would ask at once, in the background, for five minutes, and complain to the console.
      checkCompatibility: false,
    }).api();
    const agent = new Agent({
      connections: SOCKETS_MAX,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      bodyTimeout: 0,
      headersTimeout: 0,
    });
    agent.on('connect', () => (this.connected += 1));
    this.dispatcher = agent.compose(keepRetryAfter);
  }

  /** Connections that were ever made. */
  get connects(): number {
    return this.connected;
  }

  /** Makes one call, which ends with the signal, on the server too. @returns the `result` of the reply, if it has one */
  async call<Result>(
    operation: (api: Api, init: Init) => Promise<{ data: { result?: Result } }>,
    signal: AbortSignal | undefined,
  ): Promise<Result | undefined> {
    const { data } = await operation(this.api, { dispatcher: this.dispatcher, ...(signal && { signal }) });
    return (data as { result?: Result } | undefined)?.result;
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }
}

/**
 * The address as the client must be told it. Of a URL it drops the path, and takes the port of HTTPS for none and then its
 * own in its place.
 */
export function addressOf(url: string): { url: string; port: number; prefix?: string } {
  const { protocol, host, hostname, pathname } = new URL(url);
  const named = /^https?:\/\/[^/]*:(\d+)(?:\/|$)/.exec(url)?.[1];
  const prefix = pathname.replace(/\/+$/, '');
  const bare = host.replace(/:\d+$/, '') || hostname;
  return {
    url: `${protocol}//${bare}`,
    port: named === undefined ? PORT : Number(named),
    ...(prefix !== '' && { prefix }),
  };
}

/** Moves `Retry-After` out of the client's sight. */
function keepRetryAfter(dispatch: Dispatcher['dispatch']): Dispatcher['dispatch'] {
  return (options, handler) => dispatch(options, new HeaderMover(handler));
}

// Its types keep its methods to themselves.
const Decorator = DecoratorHandler as unknown as new (handler: Dispatcher.DispatchHandler) => {
  onResponseStart(...args: ResponseStart): void;
};

class HeaderMover extends Decorator {
  override onResponseStart(...[controller, status, headers, words]: ResponseStart): void {
    const { 'retry-after': asked, ...rest } = headers;
    super.onResponseStart(
      controller,
      status,
      asked === undefined ? rest : { ...rest, [RETRY_AFTER]: asked },
      words,
    );
  }
}

type ResponseStart = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>;
