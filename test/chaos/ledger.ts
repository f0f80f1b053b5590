import { setTimeout as wait } from 'node:timers/promises';
import type { Client, Reply } from './client.js';
import { nonce } from './facts.js';

/** A document that was sent once, and what became of it as far as its sender knows. */
interface Entry {
  tenant: string;
  title: string;
  body: object;
  /** With a key it may be sent again. Without one it was sent once, and may be there at most once. */
  key: string | undefined;
  acknowledgedAs: string | undefined;
}

/** What the books say when all is over. */
export interface Balance {
  written: number;
  acknowledged: number;
  /** Of those whose fate was unknown: how many were sent again, with the key that they had. */
  replayed: number;
  /** Acknowledged, and not there. */
  lost: number;
  /** Sent once, and there twice: the service did it again by itself. */
  doubled: number;
  /** Sent again with the key that it had, and there twice. */
  repeated: number;
  /** Sent again with its key for ten seconds, and never acknowledged. */
  stuck: number;
}

const REPLAY_TIMEOUT_MS = 10_000;
const REPLAY_EVERY_MS = 250;

/** Writes documents and keeps books on them: whatever was acknowledged must be there, and nothing may be there twice. */
export class Ledger {
  readonly #entries: Entry[] = [];

  constructor(
    private readonly client: Client,
    private readonly tenants: readonly string[],
  ) {}

  /** Sends one document: to each tenant in turn, every other one with a key. */
  async write(headers: Record<string, string>, patienceMs: number): Promise<Reply> {
    const n = this.#entries.length;
    const title = `Log ${nonce()}`;
    const tenant = this.tenants[n % this.tenants.length]!;
    const entry: Entry = {
      tenant,
      title,
      body: { title, content: `${title}: keeper ${nonce()} saw a sail.\n`, business_id: tenant },
      key: n % (2 * this.tenants.length) < this.tenants.length ? nonce(20) : undefined,
      acknowledgedAs: undefined,
    };
    this.#entries.push(entry);
    return this.send(entry, headers, patienceMs);
  }

  /** Sends again what may be, until it is acknowledged, and then compares the books with what is there. */
  async balance(): Promise<Balance> {
    const unknown = this.#entries.filter(
      (entry) => entry.acknowledgedAs === undefined && entry.key !== undefined,
    );
    const endsMs = performance.now() + REPLAY_TIMEOUT_MS;
    for (const entry of unknown) {
      while (entry.acknowledgedAs === undefined && performance.now() < endsMs) {
        await this.send(entry, {}, REPLAY_TIMEOUT_MS).catch(() => undefined); // no reply is no acknowledgement
        if (entry.acknowledgedAs === undefined) await wait(REPLAY_EVERY_MS);
      }
    }
    const stored = await this.stored();
    const idsOf = ({ tenant, title }: Entry) => stored.get(`${tenant}/${title}`) ?? [];
    const acknowledged = this.#entries.filter((entry) => entry.acknowledgedAs !== undefined);
    const twice = this.#entries.filter((entry) => idsOf(entry).length > 1);
    return {
      written: this.#entries.length,
      acknowledged: acknowledged.length,
      replayed: unknown.length,
      lost: acknowledged.filter((entry) => !idsOf(entry).includes(entry.acknowledgedAs!)).length,
      doubled: twice.filter((entry) => !unknown.includes(entry)).length,
      repeated: twice.filter((entry) => unknown.includes(entry)).length,
      stuck: unknown.filter((entry) => entry.acknowledgedAs === undefined).length,
    };
  }

  private async send(entry: Entry, headers: Record<string, string>, patienceMs: number): Promise<Reply> {
    const reply = await this.client.call(
      'POST',
      '/api/v1/documents',
      entry.body,
      { ...headers, ...(entry.key !== undefined && { 'idempotency-key': entry.key }) },
      patienceMs,
    );
    if (reply.status === 202) entry.acknowledgedAs = reply.body.id as string;
    return reply;
  }

  /** The ids of what is there, by tenant and title. */
  private async stored(): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for (const tenant of this.tenants) {
      for (let cursor: string | null = ''; cursor !== null;) {
        const page = `business_id=${tenant}&limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
        const { status, body } = await this.client.call('GET', `/api/v1/documents?${page}`);
        if (status !== 200) throw new Error(`What was written cannot be read back: ${JSON.stringify(body)}`);
        for (const { id, title } of body.data as { id: string; title: string }[]) {
          const key = `${tenant}/${title}`;
          found.set(key, [...(found.get(key) ?? []), id]);
        }
        cursor = body.next_cursor as string | null;
      }
    }
    return found;
  }
}
