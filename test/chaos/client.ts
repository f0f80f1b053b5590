import { Agent, request } from 'node:http';

/** What came back. `failure` instead of a status: no reply came at all. */
export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: any;
}

/** No reply: the connection was refused, cut, or silent for so long that the client gave up. */
export class NoReply extends Error {
  constructor(readonly why: string) {
    super(`No reply: ${why}`);
    this.name = 'NoReply';
  }
}

/** A client of the service on connections that are kept. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1_000 });

  /** @param hear told of every reply, as it came */
  constructor(
    private readonly url: string,
    private readonly hear: (text: string) => void = () => {},
  ) {}

  /** @param patienceMs how long this client waits before it gives up @throws NoReply */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    patienceMs = 30_000,
  ): Promise<Reply> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.url}${path}`,
        {
          method,
          agent: this.#agent,
          headers: {
            ...(payload !== undefined && {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(payload),
            }),
            ...headers,
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            this.hear(text);
            resolve({ status: response.statusCode!, headers: response.headers, body: parsed(text) });
          });
          response.on('error', (error: Error) => reject(new NoReply(error.message)));
        },
      );
      sent.setTimeout(patienceMs, () => sent.destroy(new Error('patience')));
      sent.on('error', (error: NodeJS.ErrnoException) => reject(new NoReply(error.code ?? error.message)));
      sent.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
