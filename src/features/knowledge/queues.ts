import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Deadline } from '../../kernel/deadline.js';
import { Jobs, type QueueView } from '../../platform/jobs/jobs.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { events } from '../../telemetry/events.js';
import { type Vital, Vitals } from '../../telemetry/vitals.js';
import { INGEST } from './job.kinds.js';
import { FORGET } from './removals.js';

/** How much waits, and how far the index is behind the truth: looked at in the background, shown from memory. */
@Injectable()
export class Queues implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Queues.name);
  private seen: readonly QueueView[] = [];
  private seenAtMs: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly jobs: Jobs,
    private readonly settings: Settings,
    vitals: Vitals,
  ) {
    vitals.add('queues', () => this.queues());
    vitals.add('projection', () => this.projection());
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.look();
    this.schedule();
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private queues(): Vital {
    const counts = this.seen.flatMap(({ kind, queued, running, failed }) => [
      [`${kind}_queued`, queued],
      [`${kind}_running`, running],
      [`${kind}_failed`, failed],
    ]);
    return { ...Object.fromEntries(counts), age_s: this.ageS };
  }

  private projection(): Vital {
    const of = (kind: string) => this.seen.find((queue) => queue.kind === kind);
    const open = [of(INGEST), of(FORGET)];
    const waiting = (queue: QueueView | undefined) => (queue?.queued ?? 0) + (queue?.running ?? 0);
    return {
      lag_s: this.seenAtMs === undefined ? null : Math.max(0, ...open.map((queue) => queue?.oldest_s ?? 0)),
      documents_waiting: waiting(open[0]),
      removals_waiting: waiting(open[1]),
      age_s: this.ageS,
    };
  }

  /** How old what is shown is: while the database is away it is what was seen last. */
  private get ageS(): number | null {
    return this.seenAtMs === undefined ? null : Math.round((performance.now() - this.seenAtMs) / 1_000);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      void this.look().finally(() => this.schedule());
    }, this.settings.HEALTH_INTERVAL_MS);
    this.timer.unref();
  }

  private async look(): Promise<void> {
    try {
      this.seen = await Deadline.none(() => this.jobs.queues());
      this.seenAtMs = performance.now();
    } catch (error) {
      // The database says so itself; anything else is a mistake of ours.
      if (!(error instanceof DependencyError))
        this.logger.error({ event: events.jobsTrouble, err: error }, 'The queues are not known');
    }
  }
}
