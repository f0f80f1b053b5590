import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChatCompletion, ChatCompletionChunk, CreateEmbeddingResponse, Model } from 'openai/resources';
import { concerns, type ProviderFault, refusalOf, type Route } from './provider.faults.ts';
import { answerTo, tokensOf, vectorOf } from './provider.model.ts';
import { piecesOf, structuredAnswer, toolCallFor } from './provider.tools.ts';

export type { ProviderFault, Route };

export interface ProviderOptions {
  /** 0 takes a free one. */
  port?: number;
  /** The models that it lists. It answers for any. */
  models?: string[];
  dimension?: number;
  /** Each answer ends with a word that no other answer has, which tells whose it is. Default: true. */
  nonces?: boolean;
  /** What it says to a prompt. Default: a sentence of the passages in it. */
  says?: (prompt: string) => string;
  /** What it adds to each answer, and to each chunk of one, that is not in OpenAI's API. */
  extras?: Record<string, unknown>;
  /** It sends vectors in one form alone, whatever is asked for. */
  encoding?: 'float' | 'base64';
  /** What is wrong with one request, asked at each while it behaves. Default: nothing. */
  mood?: (route: Route) => ProviderFault | undefined;
}

/** One request that reached it. Times are of `performance.now()`. */
export interface ProviderRequest {
  route: Route;
  atMs: number;
  headers: Record<string, string | string[] | undefined>;
  body: any;
  /** The word that the answer to this request ends with. */
  nonce: string;
  /** When the client went away before it had all of the answer. */
  abandonedAtMs?: number;
}

/**
 * A provider of models that speaks OpenAI's API over real sockets, and misbehaves in any way that one was seen to. It needs
 * no test framework: the chaos harness runs it as well.
 */
export class Provider {
  readonly requests: ProviderRequest[] = [];
  /** Connections that it was ever asked for, one that it hangs or refuses to serve included. */
  connections = 0;
  readonly #options: ProviderOptions;
  readonly #http = createHttpServer((request, response) => void this.#serve(request, response));
  readonly #tcp = createServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<Socket>();
  #fault: ProviderFault | undefined;
  #port: number;

  constructor(options: ProviderOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.#http.keepAliveTimeout = 60_000;
  }

  /** What a client takes for the base URL. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/v1`;
  }

  /** The requests for something. */
  of(route: Route): ProviderRequest[] {
    return this.requests.filter((request) => request.route === route);
  }

  /** Listens, on the same port as ever. */
  async start(): Promise<void> {
    if (this.#tcp.listening) return;
    this.#tcp.listen(this.#port, '127.0.0.1');
    await once(this.#tcp, 'listening');
    this.#port = (this.#tcp.address() as { port: number }).port;
  }

  /** Ends at once, with all of its connections. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (!this.#tcp.listening) return;
    const closed = once(this.#tcp, 'close');
    this.#tcp.close();
    await closed;
  }

  /** From now on; `undefined` is health. A connection that was kept waiting is then served. */
  async behave(fault: ProviderFault | undefined): Promise<void> {
    this.#fault = fault;
    if (fault?.kind === 'refuse') return this.stop();
    if (fault?.kind !== 'hang') {
      for (const socket of this.#held) this.#http.emit('connection', socket);
      this.#held.clear();
    }
    await this.start();
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('error', () => {}); // it is hurt on purpose
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#held.delete(socket);
    });
    if (this.#fault?.kind === 'hang' && this.#fault.at === 'accept') this.#held.add(socket);
    else this.#http.emit('connection', socket);
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (message.url ?? '').split('?')[0];
    const route = ROUTES[`${message.method} ${path}`];
    const text = await textOf(message);
    if (route === undefined)
      return json(response, 404, { error: { message: `No route ${path}`, code: null } });
    const request: ProviderRequest = {
      route,
      atMs: performance.now(),
      headers: message.headers,
      body: text === '' ? undefined : JSON.parse(text),
      nonce: `nonce-${randomBytes(6).toString('hex')}`,
    };
    this.requests.push(request);
    response.once('close', () => {
      if (!response.writableFinished) request.abandonedAtMs = performance.now();
    });
    const wrong = this.#fault ?? this.#options.mood?.(route);
    const fault = wrong !== undefined && concerns(wrong, route) ? wrong : undefined;
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'babble') return babble(response, fault.status);
    const refusal = fault && refusalOf(fault);
    if (refusal !== undefined) {
      response.writeHead(refusal.status, { 'content-type': 'application/json', ...refusal.headers });
      response.end(refusal.body);
    } else if (route === 'models') {
      json(response, 200, { object: 'list', data: (this.#options.models ?? ['model']).map(modelOf) });
    } else if (route === 'embeddings') {
      if (fault?.kind === 'slow') await sleep(fault.firstTokenMs);
      this.#embed(request, response, fault);
    } else await this.#chat(request, response, fault);
  }

  #embed({ body }: ProviderRequest, response: ServerResponse, fault: ProviderFault | undefined): void {
    const wrong = fault?.kind === 'embeddings' ? fault.wrong : undefined;
    const dimension = (body.dimensions ?? this.#options.dimension ?? 64) + (wrong === 'dimension' ? 1 : 0);
    const data = [body.input].flat().map((input: string, index) => {
      const vector = vectorOf(input, dimension);
      if (wrong === 'number') vector[0] = null as never; // what JSON makes of NaN
      return {
        object: 'embedding' as const,
        index,
        embedding: encoded(vector, this.#options.encoding ?? body.encoding_format),
      };
    });
    if (wrong === 'count') data.pop();
    // In an order of its own, which the indexes tell; or under indexes that are no order.
    data.reverse();
    if (wrong === 'order') for (const entry of data) entry.index = 0;
    const tokens = Math.ceil(JSON.stringify(body.input).length / 4);
    json(response, 200, {
      object: 'list',
      model: body.model,
      data: data as never,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    } satisfies CreateEmbeddingResponse);
  }

  async #chat(request: ProviderRequest, response: ServerResponse, fault: ProviderFault | undefined) {
    const { body, nonce } = request;
    const prompt = String(body.messages.at(-1).content);
    const call = toolCallFor(body, prompt, `call-${nonce}`);
    const structured = structuredAnswer(body, prompt);
    const said =
      fault?.kind === 'empty' || call !== undefined
        ? ''
        : (structured ?? (this.#options.says ?? answerTo)(prompt));
    const bare = said === '' || structured !== undefined || this.#options.nonces === false;
    const tokens = tokensOf(bare ? said : `${said} ${nonce}`);
    const facts = {
      id: `chatcmpl-${nonce}`,
      created: Math.floor(Date.now() / 1_000),
      model: body.model,
      ...this.#options.extras,
    };
    const usage = usageOf(JSON.stringify(body.messages).length, tokens.length);
    const finish: Finish =
      fault?.kind === 'finish' ? fault.reason : call === undefined ? 'stop' : 'tool_calls';
    if (body.stream !== true) {
      const message = {
        role: 'assistant' as const,
        content: call === undefined ? tokens.join('') : null,
        refusal: null,
        ...(call !== undefined && { tool_calls: [call] }),
      };
      if (fault?.kind === 'slow') await sleep(fault.firstTokenMs);
      const choices = [{ index: 0, message, finish_reason: finish, logprobs: null }];
      return json(response, 200, {
        ...facts,
        object: 'chat.completion',
        choices,
        usage,
      } satisfies ChatCompletion);
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (data: string) => response.write(`data: ${data}\n\n`);
    const chunk = (delta: ChatCompletionChunk.Choice.Delta, reason: Finish | null = null) =>
      send(
        JSON.stringify({
          ...facts,
          object: 'chat.completion.chunk',
          choices: [{ index: 0, delta, finish_reason: reason, logprobs: null }],
        } satisfies ChatCompletionChunk),
      );
    chunk({ role: 'assistant', content: '' });
    if (fault?.kind === 'slow') await signsOfLife(response, fault.firstTokenMs);
    while (fault?.kind === 'endless' && !response.destroyed) {
      chunk({ content: ' and on'.repeat(10_000) });
      await sleep(0);
    }
    const deltas = call === undefined ? tokens.map((content) => ({ content })) : piecesOf(call);
    for (const [i, delta] of [...deltas, undefined].entries()) {
      if (fault !== undefined && 'afterTokens' in fault && fault.afterTokens === i)
        return spoil(fault, response);
      if (fault?.kind === 'drip') await sleep(fault.everyMs);
      if (delta !== undefined) chunk(delta);
    }
    chunk({}, finish);
    if (fault?.kind === 'linger') return;
    if (body.stream_options?.include_usage === true)
      send(JSON.stringify({ ...facts, object: 'chat.completion.chunk', choices: [], usage }));
    send('[DONE]');
    response.end();
  }
}

/** A provider that listens. */
export async function startProvider(options: ProviderOptions = {}): Promise<Provider> {
  const provider = new Provider(options);
  await provider.start();
  return provider;
}

type Finish = 'stop' | 'length' | 'content_filter' | 'tool_calls';

const ROUTES: Record<string, Route> = {
  'POST /v1/chat/completions': 'chat',
  'POST /v1/embeddings': 'embeddings',
  'GET /v1/models': 'models',
};

/** Goes wrong in the middle of an answer. */
function spoil(fault: ProviderFault & { afterTokens: number }, response: ServerResponse): void {
  if (fault.kind === 'cut') {
    // What was written before is read before the end is seen, as over a network.
    setTimeout(() => (fault.how === 'rst' ? response.socket?.resetAndDestroy() : response.socket?.end()), 20);
  } else if (fault.kind === 'unfinished') {
    response.end(fault.done === true ? 'data: [DONE]\n\n' : undefined);
  } else if (fault.kind === 'malformed') {
    response.write('data: {"choices": [{"del\n\n');
  } else if (fault.kind === 'error_event') {
    const error = { message: 'The server had an error', type: 'server_error', code: fault.code ?? null };
    response.end(`data: ${JSON.stringify({ error })}\n\n`);
  }
}

async function babble(response: ServerResponse, status: number): Promise<void> {
  response.writeHead(status, { 'content-type': 'text/plain' });
  while (!response.destroyed) {
    response.write('and on and on '.repeat(1_000));
    await sleep(1);
  }
}

async function signsOfLife(response: ServerResponse, forMs: number): Promise<void> {
  for (const endsMs = performance.now() + forMs; performance.now() < endsMs;) {
    response.write(': still there\n\n');
    await sleep(Math.min(20, forMs));
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function modelOf(id: string): Model {
  return { id, object: 'model', created: 0, owned_by: 'nobody' };
}

function usageOf(characters: number, written: number) {
  const read = Math.ceil(characters / 4);
  return { prompt_tokens: read, completion_tokens: written, total_tokens: read + written };
}

function encoded(vector: number[], format: unknown): number[] | string {
  return format === 'base64' ? Buffer.from(Float32Array.from(vector).buffer).toString('base64') : vector;
}
