import { Agent, type Dispatcher, request } from 'undici';
import { outgoingTrace } from '../../telemetry/tracing.js';
import { badReply, errorOfReply, errorOfTransport } from './provider.error.js';

export interface ProviderAddress {
  baseUrl: string;
  apiKey: string | undefined;
  connectTimeoutMs: number;
  /** Connections at once; the guard keeps further calls waiting. */
  connections: number;
}

type Body = Dispatcher.ResponseData['body'];

// Some providers close idle connections after a minute; one that is closed just when it is used costs a retry.
const KEEP_ALIVE_MS = 30_000;
// A batch of a hundred vectors of 3 072 dimensions takes about seven megabytes.
const REPLY_BYTES_MAX = 32 * 1_024 * 1_024;
const ERROR_BYTES_MAX = 64 * 1_024;

/** Requests to one provider, over connections of its own. How long a reply may take is the caller's business. */
export class ProviderHttp {
  readonly #agent: Agent;
  readonly #headers: Record<string, string>;
  #connects = 0;

  constructor(private readonly address: ProviderAddress) {
    this.#agent = new Agent({
      connections: address.connections,
      connect: { timeout: address.connectTimeoutMs },
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Its own limits know nothing of tokens: a comment in the stream would hold them off for ever.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#agent.on('connect', () => (this.#connects += 1));
    this.#headers = {
      'content-type': 'application/json',
      ...(address.apiKey !== undefined && { authorization: `Bearer ${address.apiKey}` }),
    };
  }

  /** Connections that were ever made. */
  get connects(): number {
    return this.#connects;
  }

  /** @throws ProviderFailed, ProviderRefused, or the reason of the signal; so does reading what is returned */
  async *stream(path: string, body: object, signal: AbortSignal): AsyncGenerator<Buffer> {
    const reply = await this.send('POST', path, body, signal);
    yield* chunksOf(reply.body, REPLY_BYTES_MAX, signal);
  }

  /** @throws ProviderFailed, ProviderRefused, or the reason of the signal */
  async json(
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    signal: AbortSignal,
  ): Promise<unknown> {
    const bytes = await this.bytes(method, path, body, signal);
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
    signal: AbortSignal,
  ): Promise<Buffer> {
    const reply = await this.send(method, path, body, signal);
    return bytesOf(reply.body, REPLY_BYTES_MAX, signal);
  }

  /** Ends all connections and what is under way on them. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  private async send(
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const reply = await request(`${this.address.baseUrl}${path}`, {
      dispatcher: this.#agent,
      method,
      headers: { ...this.#headers, ...outgoingTrace() },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    }).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : errorOfTransport(error);
    });
    if (reply.statusCode < 200 || reply.statusCode > 299) {
      // The words only add to what the status says: a page that is too long, or that never ends, changes nothing of that.
      const words = await bytesOf(reply.body, ERROR_BYTES_MAX, signal).catch(() => Buffer.alloc(0));
      throw errorOfReply(reply.statusCode, reply.headers, words.toString('utf8'));
    }
    return reply;
  }
}

async function* chunksOf(body: Body, bytesMax: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw badReply(`The reply is longer than ${bytesMax} bytes`, false);
      yield chunk;
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : errorOfTransport(error);
  }
}

async function bytesOf(body: Body, bytesMax: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(body, bytesMax, signal)) chunks.push(chunk);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
