import { Agent, type Dispatcher, request } from 'undici';
import { quantile } from './figures.ts';

/** What some clients measured in one go. */
export interface Round {
  /** What each request took. */
  ms: number[];
  tookMs: number;
}

/**
 * `clients` clients that each ask one request after the other, over a connection each.
 * @param ask does the i-th request of a client. @returns how long it took to what is waited for, in ms
 */
export async function round(
  clients: number,
  requestsEach: number,
  ask: (agent: Agent, client: number, i: number) => Promise<number>,
): Promise<Round> {
  const agent = new Agent({ connections: clients, pipelining: 1 });
  const ms: number[] = [];
  const client = async (n: number) => {
    for (let i = 0; i < requestsEach; i += 1) ms.push(await ask(agent, n, i));
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, n) => client(n)));
  const tookMs = performance.now() - startedMs;
  await agent.close();
  return { ms, tookMs };
}

/** Of several rounds together. */
export function figuresOf(rounds: readonly Round[]): { p50: number; p99: number; rate: number } {
  const ms = rounds.flatMap((of) => of.ms);
  const tookS = rounds.reduce((sum, of) => sum + of.tookMs, 0) / 1_000;
  return { p50: quantile(ms, 0.5), p99: quantile(ms, 0.99), rate: ms.length / tookS };
}

/** Sends JSON, and leaves the body of the answer to be read. @param body undefined asks by GET */
export function send(
  url: string,
  body?: object,
  { dispatcher, headers = {} }: { dispatcher?: Dispatcher; headers?: Record<string, string> } = {},
): Promise<Dispatcher.ResponseData> {
  return request(url, {
    ...(dispatcher !== undefined && { dispatcher }),
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

/** The same for an answer that is JSON. @throws Error for one that is no success */
export async function sent(url: string, body?: object, dispatcher?: Dispatcher): Promise<any> {
  const answer = await send(url, body, dispatcher === undefined ? {} : { dispatcher });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.statusCode} ${text}`);
  return JSON.parse(text);
}
