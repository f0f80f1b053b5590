import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import OpenAI from 'openai';
import { Client } from './client.js';
import type { Ground } from './ground.js';
import { type Breach, told } from './judge.js';
import { Ledger } from './ledger.js';
import { tally } from './score.js';
import { Service } from './service.js';
import type { Stack } from './stack.js';
import { Traffic } from './traffic.js';

const PER_SECOND = 200;
const FOR_MS = 3_000;
// The requirement: a dead provider sees no more than this for each request, retries included.
const CALLS_PER_REQUEST_MAX = 1.25;
// What the SDK makes of it by itself: one call and two more. Less would mean that it was not measured.
const NAIVE_MIN = 2;
// An honest refusal of more than two cores can do, with its Retry-After.
const SHED = 'overloaded';

/** Calls that a dead provider sees for each request: from the service, and from the official SDK as it comes. */
export interface Naive {
  requests: number;
  /** Of those, what was shed because it was too much for this machine. */
  shed: number;
  ours: number;
  theirs: number;
  breaches: Breach[];
}

export async function besideNaive(ground: Ground): Promise<Naive> {
  const { primary } = ground.stack;
  await primary.behave({ kind: 'status', status: 500 });
  try {
    const ours = await throughTheService(ground);
    const theirs = await throughTheSdk(ground.stack);
    const breaches: Breach[] = [];
    if (ours.calls / ours.requests > CALLS_PER_REQUEST_MAX)
      breaches.push({
        limit: 'calls per request',
        seen: `more than ${CALLS_PER_REQUEST_MAX} calls a request`,
      });
    if (Object.keys(ours.failed).length > 0)
      breaches.push({ limit: 'failed', seen: `failed: ${told(ours.failed)}` });
    if (theirs < NAIVE_MIN)
      breaches.push({
        limit: 'naive',
        seen: 'the naive stack did not multiply the calls: it was not measured',
      });
    return { requests: ours.requests, shed: ours.shed, ours: ours.calls / ours.requests, theirs, breaches };
  } finally {
    await primary.behave(undefined);
  }
}

async function throughTheService({
  stack,
  build,
  facts,
  preload,
}: Ground): Promise<{ requests: number; calls: number; shed: number; failed: Record<string, number> }> {
  const service = await Service.start(
    build,
    { ...stack.env, DATA_DIR: join(build.folder, 'data') },
    { preload },
  );
  const client = new Client(service.url);
  try {
    const before = stack.primary.of('chat').length;
    const traffic = new Traffic(client, facts, new Ledger(client, ['nobody']), ['answer'], PER_SECOND);
    traffic.start();
    await wait(FOR_MS);
    await traffic.stop();
    const bad = traffic.samples.filter(({ verdict }) => verdict !== 'ok');
    const [shed, failed] = [bad.filter(({ why }) => why === SHED), bad.filter(({ why }) => why !== SHED)];
    return {
      requests: traffic.samples.length,
      calls: stack.primary.of('chat').length - before,
      shed: shed.length,
      failed: tally(failed),
    };
  } finally {
    client.close();
    await service.stop();
  }
}

/** @returns calls a request */
async function throughTheSdk({ primary }: Stack): Promise<number> {
  const sdk = new OpenAI({ baseURL: primary.url, apiKey: 'key-of-primary' });
  const before = primary.of('chat').length;
  const asked: Promise<unknown>[] = [];
  const startMs = performance.now();
  for (let n = 0; n < (PER_SECOND * FOR_MS) / 1_000; n += 1) {
    const waitMs = startMs + (n * 1_000) / PER_SECOND - performance.now();
    if (waitMs > 0) await wait(waitMs);
    const messages = [{ role: 'user' as const, content: 'Who relights the lamp?' }];
    // It fails in the end, which is what is meant; how often it called until then is what is counted.
    asked.push(sdk.chat.completions.create({ model: 'first', messages }).catch((error: unknown) => error));
  }
  await Promise.all(asked);
  return (primary.of('chat').length - before) / asked.length;
}
