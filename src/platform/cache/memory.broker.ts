import type { Traits } from '../../resilience/dependency.js';
import { Broker, type Message } from './broker.js';
import { Subscribers } from './subscribers.js';

/** Reaches the listeners of this process, and no other replica. */
export class MemoryBroker extends Broker {
  readonly adapter = 'memory';
  readonly traits: Traits = { durable: false, shared: false };
  private readonly subscribers = new Subscribers();

  async publish(topic: string, message: Message): Promise<void> {
    this.subscribers.tell(topic, message);
  }

  subscribe(topic: string, hear: (message: Message) => void | Promise<void>): () => void {
    return this.subscribers.add(topic, hear);
  }
}
