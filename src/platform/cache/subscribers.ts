import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { events } from '../../telemetry/events.js';
import type { Message } from './broker.js';

// Messages that wait for one slow listener; further ones are lost to it.
const BACKLOG_MAX = 1_000;

type Hear = (message: Message) => void | Promise<void>;

/** Those who listen in this process, by topic. None of them can hold up, or see anything of, another or whoever tells. */
export class Subscribers {
  private readonly byTopic = new Map<string, Set<Subscriber>>();

  add(topic: string, hear: Hear): () => void {
    const subscriber = new Subscriber(topic, hear);
    const others = this.byTopic.get(topic) ?? new Set();
    this.byTopic.set(topic, others.add(subscriber));
    return () => {
      others.delete(subscriber);
      subscriber.end();
    };
  }

  tell(topic: string, message: Message): void {
    for (const subscriber of this.byTopic.get(topic) ?? []) subscriber.tell(message);
  }
}

class Subscriber {
  private readonly logger = new Logger('Broker');
  private readonly backlog: Message[] = [];
  // A request's deadline and log fields are not those of whoever hears of it.
  private readonly inOwnContext = AsyncLocalStorage.snapshot();
  private hearing = false;
  private ended = false;

  constructor(
    private readonly topic: string,
    private readonly hear: Hear,
  ) {}

  tell(message: Message): void {
    if (this.backlog.length >= BACKLOG_MAX) return;
    this.backlog.push({ ...message });
    if (!this.hearing) this.inOwnContext(() => setImmediate(() => void this.hearAll()));
    this.hearing = true;
  }

  end(): void {
    this.ended = true;
    this.backlog.length = 0;
  }

  private async hearAll(): Promise<void> {
    for (let next = this.backlog.shift(); next !== undefined && !this.ended; next = this.backlog.shift()) {
      try {
        await this.hear(next);
      } catch (error) {
        const facts = { event: events.subscriberFailed, topic: this.topic, err: error };
        this.logger.error(facts, `A subscriber of ${this.topic} failed`);
      }
    }
    this.hearing = false;
  }
}
