import { setTimeout as wait } from 'node:timers/promises';
import { type Client, NoReply, type Reply } from './client.js';
import { type Fact, falsehoodOf, levelOf, nonce } from './facts.js';
import type { Ledger } from './ledger.js';

export type Op = 'search' | 'answer' | 'write' | 'read';

/** How much time each request asks for, in milliseconds. A client waits half a minute longer: a late reply is seen. */
const BUDGET_MS: Record<Op, number> = { search: 4_000, answer: 8_000, write: 4_000, read: 4_000 };
const PATIENCE_MS = 30_000;
// Every refusal that may be tried again says when.
const RETRYABLE = new Set([429, 503]);

/** How one request went. Times are of `performance.now()`. */
export interface Sample {
  op: Op;
  /** When it was due, whether or not it could be sent then: what a user waits counts from here. */
  dueMs: number;
  tookMs: number;
  /** How much later than its deadline the reply came; 0 for one in time. */
  lateMs: number;
  verdict: 'ok' | 'wrong' | 'failed';
  /** What was wrong, or the code of the failure. */
  why?: string;
  /** The level that the reply says that it has. */
  level?: string;
  /** Whether it says why it is less than it might be. */
  explained: boolean;
  /** What a wrong reply said, for whoever has to find out why. */
  said?: string;
}

/** Requests at a steady rate, whatever becomes of those before: an open loop, as users are. */
export class Traffic {
  readonly samples: Sample[] = [];
  readonly #flying = new Set<Promise<void>>();
  #running: Promise<void> | undefined;
  #stopped = false;
  #sent = 0;

  /** @param ops asked for in turn */
  constructor(
    private readonly client: Client,
    private readonly facts: readonly Fact[],
    private readonly ledger: Ledger,
    private readonly ops: readonly Op[],
    private readonly perSecond: number,
  ) {}

  start(): void {
    this.#running = this.run();
  }

  /** Resolves when every request has had its reply. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await Promise.all(this.#flying);
  }

  private async run(): Promise<void> {
    const startMs = performance.now();
    for (let n = 0; !this.#stopped; n += 1) {
      const dueMs = startMs + (n * 1_000) / this.perSecond;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await wait(waitMs);
      const one = this.one(this.ops[n % this.ops.length]!, dueMs);
      this.#flying.add(one);
      void one.then(() => this.#flying.delete(one));
    }
  }

  private async one(op: Op, dueMs: number): Promise<void> {
    // Each round of the operations asks about the next fact.
    const fact = this.facts[Math.floor(this.#sent++ / this.ops.length) % this.facts.length]!;
    const sentMs = performance.now();
    let reply: Reply | undefined;
    let failure: string | undefined;
    try {
      reply = await this.ask(op, fact);
    } catch (error) {
      if (!(error instanceof NoReply)) throw error;
      failure = `no_reply ${error.why}`;
    }
    const endedMs = performance.now();
    const base = {
      op,
      dueMs,
      tookMs: endedMs - dueMs,
      lateMs: Math.max(0, endedMs - sentMs - BUDGET_MS[op]),
      explained: (reply?.body?.degraded_because?.length ?? 0) > 0,
    };
    this.samples.push({ ...base, ...this.judge(op, fact, reply, failure) });
  }

  private judge(op: Op, fact: Fact, reply: Reply | undefined, failure: string | undefined) {
    if (reply === undefined) return { verdict: 'failed' as const, why: failure! };
    if (reply.status >= 300) {
      const code = String(reply.body?.code ?? reply.status);
      const mute = RETRYABLE.has(reply.status) && reply.headers['retry-after'] === undefined;
      return { verdict: 'failed' as const, why: mute ? `${code} without Retry-After` : code };
    }
    const level = levelOf(reply);
    if (op === 'write') return { verdict: 'ok' as const, level };
    const others = this.facts.filter(({ tenant }) => tenant !== fact.tenant).map(({ answer }) => answer);
    const why = falsehoodOf(op, fact, reply, others);
    if (why === undefined) return { verdict: 'ok' as const, level };
    return { verdict: 'wrong' as const, why, level, said: JSON.stringify([fact, reply.body]) };
  }

  private ask(op: Op, { tenant, question, documentId }: Fact): Promise<Reply> {
    const headers = { 'x-request-timeout-ms': String(BUDGET_MS[op]) };
    const patienceMs = BUDGET_MS[op] + PATIENCE_MS;
    // A word of its own each time: no cache knows the question.
    const asked = `${question} (${nonce(6)})`;
    switch (op) {
      case 'search':
        return this.client.call(
          'POST',
          '/api/v1/search',
          { query: asked, limit: 5, business_id: tenant },
          headers,
          patienceMs,
        );
      case 'answer':
        return this.client.call(
          'POST',
          '/api/v1/answers',
          { question: asked, limit: 5, business_id: tenant },
          headers,
          patienceMs,
        );
      case 'read':
        return this.client.call(
          'GET',
          `/api/v1/documents/${documentId}?business_id=${tenant}`,
          undefined,
          headers,
          patienceMs,
        );
      case 'write':
        return this.ledger.write(headers, patienceMs);
    }
  }
}
