import type { Traits } from '../../resilience/dependency.js';

/** What is told: plain values, as JSON has them. */
export type Message = Readonly<Record<string, string | number | boolean | null>>;

/**
 * Tells the replicas, this one among them, that something has happened.
 *
 * At most once, and only to whoever listens in that moment: a message is lost when the network, the server or a listener
 * is away, and when a listener is too slow. It may hurry up what would happen anyway (look now, not at the next turn), and
 * nothing may depend on it.
 */
export abstract class Broker {
  abstract readonly adapter: string;
  abstract readonly traits: Traits;

  /** Resolves when it was handed on, or is lost: there is no need to wait for it. */
  abstract publish(topic: string, message: Message): Promise<void>;

  /**
   * Calls `hear` for each message from now on, one after the other. One that throws is logged, and hears the next.
   * @returns what ends it
   */
  abstract subscribe(topic: string, hear: (message: Message) => void | Promise<void>): () => void;
}
