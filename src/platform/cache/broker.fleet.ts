import { randomUUID } from 'node:crypto';
import { Fleet, type Word } from '../../resilience/fleet.js';
import type { Broker } from './broker.js';

/** The other replicas, as far as the broker reaches them. */
export class BrokerFleet extends Fleet {
  // The broker gives everybody each message, whoever it is from.
  private readonly self = randomUUID();

  constructor(private readonly broker: Broker) {
    super();
  }

  tell(topic: string, word: Word): void {
    void this.broker.publish(topicOf(topic), { ...word, by: this.self });
  }

  hear(topic: string, listener: (word: Word) => void): () => void {
    return this.broker.subscribe(topicOf(topic), ({ by, ...word }) => {
      if (by !== this.self) listener(word);
    });
  }
}

const topicOf = (topic: string) => `fleet.${topic}`;
