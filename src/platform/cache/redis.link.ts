import { attempt } from '../../resilience/policy.js';
import type { RedisClient } from './redis.client.js';
import { isReadOnly, NotConnected, withoutArguments } from './redis.faults.js';

// From the first packet to the first reply. One that takes longer is given up for another.
const READY_TIMEOUT_MS = 1_500;
// A server that is away is tried once a second at most, and found soon after it is back.
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;
const JITTER = 0.25;
// One that comes back only to go again is waited for longer each time from the second on: 1 s, 4 s, 16 s, 30 s.
const RELAPSE_WITHIN_MS = 2_000;
const RELAPSE_MIN_MS = 1_000;
const RELAPSE_GROWTH = 4;
const RELAPSE_MAX_MS = 30_000;

/** What a link stands on, and who is told of it. */
export interface LinkOptions<Client extends RedisClient> {
  /** A client that is not connected yet. @param attempt how many failed before it, in a row */
  make: (attempt: number) => Client;
  /** What must succeed before the connection is used. */
  prepare: (client: Client) => Promise<unknown>;
  /** Told of each connection that was made, and with the reason of each that was lost. */
  onChange?: (connected: boolean, why: unknown) => void;
  /** Whether it makes sense to try now; asked again later. Default: always. */
  worthTrying?: () => boolean;
}

/**
 * Keeps one connection to Redis, by a new client for each: nothing that went wrong with one is carried over to the next.
 * It is made before anybody asks, and again whenever it ends.
 */
export class RedisLink<Client extends RedisClient> {
  #client: Client | undefined;
  #trouble: unknown = new Error('not opened');
  #failed = 0;
  #relapses = 0;
  #connects = 0;
  #sinceMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #trying = Promise.resolve();
  #closed = false;

  constructor(private readonly options: LinkOptions<Client>) {}

  /** How often it was connected. */
  get connects(): number {
    return this.#connects;
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  /** @throws NotConnected at once when there is no connection */
  get client(): Client {
    if (this.#client === undefined) throw new NotConnected(this.#trouble);
    return this.#client;
  }

  open(): void {
    this.#trying = this.connect();
  }

  /** Waits for the attempt to connect that is under way. @throws NotConnected when it fails */
  async ready(): Promise<Client> {
    await this.#trying;
    return this.client;
  }

  /** Lets go of a connection that is of no use any more, and makes another. @param why it was of none */
  replace(client: RedisClient, why: unknown): void {
    if (client !== this.#client) return;
    client.disconnect();
    this.lost(why);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#client?.disconnect();
    this.#client = undefined;
  }

  private async connect(): Promise<void> {
    if (this.options.worthTrying?.() === false) {
      this.#failed += 1;
      this.later();
      return;
    }
    const client = this.options.make(this.#failed);
    let trouble: unknown;
    client.on('error', (error) => (trouble = withoutArguments(error)));
    try {
      const made = () => client.connect().then(() => this.options.prepare(client));
      await attempt(made, READY_TIMEOUT_MS, undefined);
      // Some of it (a database that does not exist) the library only mentions, and goes on.
      if (trouble !== undefined) throw trouble;
      if (this.#closed || client.status !== 'ready') throw new Error('Connection is closed.');
    } catch (error) {
      client.disconnect();
      // What the socket or the server said, where it said something: the library's own words are the same for everything.
      this.#trouble = trouble ?? withoutArguments(error);
      this.#failed += 1;
      this.later();
      return;
    }
    this.#client = client;
    this.#failed = 0;
    this.#connects += 1;
    this.#sinceMs = performance.now();
    client.once('end', () => {
      if (client === this.#client) this.lost(trouble ?? new Error('Connection is closed.'));
    });
    this.options.onChange?.(true, undefined);
  }

  private lost(why: unknown): void {
    const relapse = performance.now() - this.#sinceMs < RELAPSE_WITHIN_MS && !isReadOnly(why);
    this.#relapses = relapse ? this.#relapses + 1 : 0;
    this.#client = undefined;
    this.#trouble = why;
    this.options.onChange?.(false, why);
    this.later();
  }

  private later(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.open(), this.waitMs() * (1 + JITTER * Math.random()));
    this.#timer.unref();
  }

  private waitMs(): number {
    const retryMs = Math.min(RETRY_MIN_MS * 2 ** this.#failed, RETRY_MAX_MS);
    // Somebody else is the master now, or will be: worth looking for, at a steady pace.
    if (isReadOnly(this.#trouble)) return RETRY_MAX_MS;
    // A relapse is waited for once; then the server is away like any other.
    if (this.#failed > 0 || this.#relapses < 2) return retryMs;
    return Math.min(RELAPSE_MIN_MS * RELAPSE_GROWTH ** (this.#relapses - 2), RELAPSE_MAX_MS);
  }
}
