import { Redis } from 'ioredis';
import { redisAddress } from '../../src/config/redis.address.js';
import { newClient, replies, type RedisClient } from '../../src/platform/cache/redis.client.js';
import { RedisLine } from '../../src/platform/cache/redis.line.js';
import { RedisLink } from '../../src/platform/cache/redis.link.js';

/** For a machine that is busy with other things: what a contract says does not depend on it. */
export const PATIENT_MS = 2_000;

export interface Connected {
  line: RedisLine;
  link: RedisLink<RedisClient>;
  close: () => void;
}

/** A line to Redis as the service has it, connected. */
export async function connected(url: string, timeoutMs = PATIENT_MS): Promise<Connected> {
  const link = linkTo(url);
  link.open();
  await link.ready();
  return { line: new RedisLine(link, timeoutMs), link, close: () => link.close() };
}

export function linkTo(url: string): RedisLink<RedisClient> {
  const address = redisAddress(url)!;
  return new RedisLink({
    make: (attempt) => newClient(address, attempt),
    prepare: replies,
  });
}

/** Makes so much time pass for every key of ours: the server's own clock cannot be moved, its keys' ends can. */
export async function pass(url: string, ms: number): Promise<void> {
  const redis = new Redis(url);
  try {
    for await (const keys of redis.scanStream({ match: 'mainstay:*' })) {
      for (const key of keys as string[]) await redis.pexpire(key, Math.max(0, (await redis.pttl(key)) - ms));
    }
  } finally {
    redis.disconnect();
  }
}
