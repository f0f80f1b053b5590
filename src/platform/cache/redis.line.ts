import type { RedisClient } from './redis.client.js';
import { Crowded, isReadOnly, NoReply, withoutArguments } from './redis.faults.js';
import type { RedisLink } from './redis.link.js';

// So many may find out whether a server that says nothing still will.
const WAITING_MAX = 10;
// Of the time that a command may take: what anybody else waits, and how long a silence is one.
const CROWDED_SHARE = 0.2;

/**
 * Commands to Redis, each of which ends in time, one way or the other. Redis replies in order: who comes after one that
 * waits, waits at least as long. So an outage is paid for by the few who meet it first; and what was not answered in time
 * is given up together with its connection, so that nobody waits behind it, and a late reply meets nobody.
 */
export class RedisLine {
  readonly #waiting = new Set<{ sinceMs: number }>();

  constructor(
    private readonly link: RedisLink<RedisClient>,
    readonly timeoutMs: number,
  ) {}

  get waiting(): number {
    return this.#waiting.size;
  }

  /** @throws NotConnected, Crowded, NoReply, or the error that Redis replied */
  async run<T>(command: (client: RedisClient) => Promise<T>, timeoutMs = this.timeoutMs): Promise<T> {
    const { client } = this.link;
    const { afterMs, late } = this.patience(timeoutMs);
    const one = { sinceMs: performance.now() };
    this.#waiting.add(one);
    try {
      return await replyWithin(command(client), afterMs, late);
    } catch (error) {
      // Where the master is another one now, a new connection finds it.
      if (error instanceof NoReply || isReadOnly(error)) this.link.replace(client, error);
      throw withoutArguments(error);
    } finally {
      this.#waiting.delete(one);
    }
  }

  /** How long one that is sent now is waited for, and what it ends with. @throws Crowded when it would be in vain */
  private patience(timeoutMs: number): { afterMs: number; late: () => Error } {
    if (this.#waiting.size < WAITING_MAX) return { afterMs: timeoutMs, late: () => new NoReply(timeoutMs) };
    const afterMs = CROWDED_SHARE * timeoutMs;
    const [oldest] = this.#waiting;
    if (performance.now() - oldest!.sinceMs > afterMs) throw new Crowded(afterMs);
    return { afterMs, late: () => new Crowded(afterMs) };
  }
}

function replyWithin<T>(reply: Promise<T>, afterMs: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // It may be this process that was late: what has come in meanwhile is read first.
      setImmediate(() => reject(late()));
    }, afterMs);
    reply.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
