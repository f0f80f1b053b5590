/** So much per so long, as a provider states it: 30 requests, or 6 000 tokens, per minute. */
export interface Rate {
  amount: number;
  perMs: number;
}

/** Whether there was room. `waitMs`: how long until there would be, for the same cost. */
export type Grant = { granted: true } | { granted: false; waitMs: number };

/** What is left of a rate after it was asked. */
export interface Level {
  /** How much could be spent now, in whole units. */
  left: number;
  /** How long until the whole rate could be spent again, if nothing more is. */
  fullInMs: number;
}

/**
 * Counts what is spent of rates, over all the replicas where something that they share can be reached. Where it cannot,
 * each replica counts for itself and allows itself its share: the rate divided by `REPLICAS`, never the whole.
 *
 * Never waits and never throws: who has to wait for how long is decided by whoever asked.
 */
export abstract class Limits {
  /**
   * Spends `cost` of the bucket `name` if it holds as much now. A cost above the whole rate is taken for the whole.
   * @param name what is limited: `llm.groq.requests`, …
   */
  abstract take(name: string, rate: Rate, cost: number): Promise<Grant & Level>;
}
