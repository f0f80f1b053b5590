import { Pool } from 'undici';
import { outgoingTrace } from '../../telemetry/tracing.js';
import { badReply, errorOfReply, errorOfTransport } from './provider.error.js';
import { ProviderExchange } from './provider.exchange.js';

export interface ProviderAddress {
  baseUrl: string;
  apiKey: string | undefined;
  connectTimeoutMs: number;
  /** Connections at once; the guard keeps further calls waiting. */
  connections: number;
}

/** How long all of a reply may take, and what is wrong when it takes longer. */
export interface TimeLimit {
  ms: number;
  late: (afterMs: number) => Error;
}

// Some providers close idle connections after a minute; one that is closed just when it is used costs a retry.
const KEEP_ALIVE_MS = 30_000;
// A batch of a hundred vectors of 3 072 dimensions takes about seven megabytes.
const REPLY_BYTES_MAX = 32 * 1_024 * 1_024;
const ERROR_BYTES_MAX = 64 * 1_024;

/** Requests to one provider, over connections of its own. */
export class ProviderHttp {
  readonly #pool: Pool;
  readonly #headers: Record<string, string>;
  readonly #path: string;
  #connects = 0;

  constructor(address: ProviderAddress) {
    const { origin, pathname } = new URL(address.baseUrl);
    this.#path = pathname.replace(/\/+$/, '');
    this.#pool = new Pool(origin, {
      connections: address.connections,
      connect: { timeout: address.connectTimeoutMs },
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Its own limits know nothing of tokens: a comment in the stream would hold them off for ever.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#pool.on('connect', () => (this.#connects += 1));
    this.#headers = {
      'content-type': 'application/json',
      ...(address.apiKey !== undefined && { authorization: `Bearer ${address.apiKey}` }),
    };
  }

  /** Connections that were ever made. */
  get connects(): number {
    return this.#connects;
  }

  /**
   * What comes together is one piece, and how long the next may take is the caller's business.
   * @throws ProviderFailed, ProviderRefused, or the reason of the signal
   */
  async *stream(path: string, body: object, signal: AbortSignal): AsyncGenerator<Buffer> {
    const reply = await this.send('POST', path, body, signal);
    try {
      for (;;) {
        const chunk = await reply.next();
        if (chunk === undefined) return;
        yield chunk;
      }
    } finally {
      reply.close();
    }
  }

  /** @throws ProviderFailed, ProviderRefused, or the reason of the signal */
  async json(
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    signal: AbortSignal | undefined,
    limit: TimeLimit,
  ): Promise<unknown> {
    const bytes = await this.bytes(method, path, body, signal, limit);
    try {
      return JSON.parse(bytes.toString('utf8'));
    } catch {
      throw badReply('The reply is no JSON');
    }
  }

  /** @throws ProviderFailed, ProviderRefused, or the reason of the signal */
  async bytes(
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    signal: AbortSignal | undefined,
    limit: TimeLimit,
  ): Promise<Buffer> {
    const reply = await this.send(method, path, body, signal, limit);
    return reply.rest();
  }

  /** Ends all connections and what is under way on them. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  private async send(
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    signal: AbortSignal | undefined,
    limit?: TimeLimit,
  ): Promise<Reply> {
    const exchange = new ProviderExchange(signal);
    if (limit !== undefined) exchange.endAfter(limit.ms, limit.late);
    const request = {
      path: this.#path + path,
      method,
      headers: { ...this.#headers, ...outgoingTrace() },
      body: body === undefined ? null : JSON.stringify(body),
    };
    this.#pool.dispatch(request, exchange);
    const { status, headers } = await exchange.head.catch((error: unknown) => {
      throw signal?.aborted === true ? signal.reason : errorOfTransport(error);
    });
    if (status < 200 || status > 299) {
      // The words only add to what the status says: a page that is too long, or that never ends, changes nothing of that.
      const words = await new Reply(exchange, ERROR_BYTES_MAX, signal).rest().catch(() => Buffer.alloc(0));
      throw errorOfReply(status, headers, words.toString('utf8'));
    }
    return new Reply(exchange, REPLY_BYTES_MAX, signal);
  }
}

/** What a provider says, up to so many bytes. */
class Reply {
  #bytes = 0;

  constructor(
    private readonly exchange: ProviderExchange,
    private readonly bytesMax: number,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async next(): Promise<Buffer | undefined> {
    try {
      const chunk = await this.exchange.next();
      this.#bytes += chunk?.length ?? 0;
      if (this.#bytes > this.bytesMax)
        throw badReply(`The reply is longer than ${this.bytesMax} bytes`, false);
      return chunk;
    } catch (error) {
      throw this.signal?.aborted === true ? this.signal.reason : errorOfTransport(error);
    }
  }

  async rest(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    try {
      for (let chunk = await this.next(); chunk !== undefined; chunk = await this.next()) chunks.push(chunk);
    } finally {
      this.close();
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  close(): void {
    this.exchange.close();
  }
}
