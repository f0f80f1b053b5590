import { Logger } from '@nestjs/common';
import { Deadline } from '../../kernel/deadline.js';
import type { Dependency, Traits } from '../../resilience/dependency.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { Broker, type Message } from './broker.js';

/** The broker behind its circuit: while it is away messages are lost, as they may be, and nobody is kept waiting. */
export class GuardedBroker extends Broker {
  readonly adapter: string;
  readonly traits: Traits;
  private readonly logger = new Logger('Broker');

  constructor(
    private readonly inner: Broker,
    private readonly dependency: Dependency,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
  }

  async publish(topic: string, message: Message): Promise<void> {
    try {
      // What is told has happened: it is not untold because the request that did it is over.
      await Deadline.none(() => this.dependency.call('publish', () => this.inner.publish(topic, message)));
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      this.logger.debug(error.message);
    }
  }

  subscribe(topic: string, hear: (message: Message) => void | Promise<void>): () => void {
    return this.inner.subscribe(topic, hear);
  }
}
