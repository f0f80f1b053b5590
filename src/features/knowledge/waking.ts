import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Broker } from '../../platform/cache/broker.js';
import { Jobs } from '../../platform/jobs/jobs.js';

const TOPIC = 'jobs.waiting';

/**
 * Has idle workers look for a job at once, those of the other replicas as well. Whoever does not hear of it looks at his
 * next turn anyway.
 */
@Injectable()
export class Waking implements OnApplicationBootstrap, OnApplicationShutdown {
  private stop: (() => void) | undefined;

  constructor(
    private readonly jobs: Jobs,
    private readonly broker: Broker,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = this.broker.subscribe(TOPIC, ({ kind }) => {
      if (typeof kind === 'string') this.jobs.wake(kind);
    });
  }

  onApplicationShutdown(): void {
    this.stop?.();
  }

  /** Call it when the job is committed: before that nobody would find it. */
  wake(kind: string): void {
    // Not by the broker alone: this process needs nobody else to tell it.
    this.jobs.wake(kind);
    void this.broker.publish(TOPIC, { kind });
  }
}
