import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Jobs } from '../../platform/jobs/jobs.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { Deadline } from '../../kernel/deadline.js';
import { events } from '../../telemetry/events.js';

/** The kind of job that removes what the index still holds of a document that was deleted or replaced. */
export const FORGET = 'forget';

/**
 * What this process knows of deletions and replacements that are committed and not yet in the index. While the database can
 * be asked it looks now and then; when it cannot, the last look stands, for a while (docs/decisions/0011).
 */
@Injectable()
export class Removals implements OnApplicationBootstrap, OnApplicationShutdown {
  // When none were outstanding, on the monotonic clock: the moment before the look, not after it.
  private doneAtMs: number | undefined;
  private changes = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private readonly logger = new Logger(Removals.name);

  constructor(
    private readonly jobs: Jobs,
    private readonly settings: Settings,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.look();
    this.schedule();
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Whether the index was last known to show nothing that is deleted or replaced, and not too long ago. */
  get done(): boolean {
    const maxAgeMs = this.settings.UNVERIFIED_SEARCH_MAX_AGE_S * 1_000;
    return this.doneAtMs !== undefined && performance.now() - this.doneAtMs < maxAgeMs;
  }

  /** One was committed here, and the index did not take it: until a look shows otherwise, it is outstanding. */
  outstanding(): void {
    this.changes += 1;
    this.doneAtMs = undefined;
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      void this.look().finally(() => this.schedule());
    }, this.settings.HEALTH_INTERVAL_MS);
    this.timer.unref();
  }

  private async look(): Promise<void> {
    const startedMs = performance.now();
    const { changes } = this;
    try {
      const { queued, running } = await Deadline.none(() => this.jobs.depth([FORGET]));
      if (changes === this.changes) this.doneAtMs = queued + running === 0 ? startedMs : undefined;
    } catch (error) {
      // The database cannot be asked: what was known last is what this is for. Anything else is a mistake of ours, and
      // then nothing is known.
      if (error instanceof DependencyError) return;
      this.doneAtMs = undefined;
      this.logger.error({ event: events.indexTrouble, err: error }, 'The outstanding removals are not known');
    }
  }
}
