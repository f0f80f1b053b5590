import { Agent, request } from 'undici';
import { quantile } from '../support/figures.ts';

/** One request of a kind: the number makes it unlike the others. */
export type Ask = (n: number) => { path: string; body: object };

export interface Outcome {
  /** When it was sent, from the beginning. */
  atMs: number;
  /** 0 where the connection was refused or cut. */
  status: number;
  tookMs: number;
  retryAfter: string | undefined;
}

let sent = 0;

/** Sends one request and reads its answer. */
export async function send(agent: Agent, url: string, ask: Ask, beganMs = 0): Promise<Outcome> {
  const { path, body } = ask((sent += 1));
  const startedMs = performance.now();
  const answer = await request(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    dispatcher: agent,
  });
  await answer.body.dump();
  return {
    atMs: startedMs - beganMs,
    status: answer.statusCode,
    tookMs: performance.now() - startedMs,
    retryAfter: answer.headers['retry-after'] as string | undefined,
  };
}

/** Clients that ask one after the other for so long. @returns answers a second, and how long each took */
export async function closedLoop(url: string, ask: Ask, clients: number, ms: number) {
  const agent = new Agent({ connections: clients });
  const took: number[] = [];
  const beganMs = performance.now();
  const client = async () => {
    while (performance.now() - beganMs < ms) {
      const { status, tookMs } = await send(agent, url, ask);
      if (status < 300) took.push(tookMs);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const perSecond = (1_000 * took.length) / (performance.now() - beganMs);
  await agent.close();
  return { perSecond, p50: quantile(took, 0.5), p99: quantile(took, 0.99) };
}

/** Sends what is due, whatever became of what was sent before. */
export async function openLoop(
  url: string,
  mix: readonly { name: string; ask: Ask; perSecond: number }[],
  ms: number,
): Promise<Map<string, Outcome[]>> {
  const agent = new Agent({ connections: 2_000 });
  const outcomes = new Map(mix.map(({ name }) => [name, [] as Outcome[]]));
  const open: Promise<void>[] = [];
  const due = mix.map(() => 0);
  const beganMs = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const sinceMs = performance.now() - beganMs;
      for (const [i, { name, ask, perSecond }] of mix.entries())
        for (; due[i]! < (sinceMs * perSecond) / 1_000; due[i]! += 1)
          open.push(
            send(agent, url, ask, beganMs)
              .catch(() => ({ atMs: sinceMs, status: 0, tookMs: Infinity, retryAfter: undefined }))
              .then((outcome) => void outcomes.get(name)!.push(outcome)),
          );
      if (sinceMs < ms) return;
      clearInterval(timer);
      resolve();
    }, 2);
  });
  await Promise.all(open);
  await agent.close();
  return outcomes;
}
