import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { AppError } from '../../kernel/app-error.js';
import { Dependencies } from '../../resilience/dependencies.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { events } from '../../telemetry/events.js';
import { Collections } from './collections.js';
import { Documents } from './documents.service.js';
import { Filling, type Mended, total } from './filling.js';
import type { TrueDocument } from './truth.repository.js';

export interface Reconciled extends Mended {
  collection: string;
}

// An index that flaps is not compared anew at each of its turns.
const AGAIN_AFTER_MS = 60_000;

/**
 * Finds where the index differs from the truth, and mends it. In the background it does so when the index was away (it may
 * have lost its last writes) and when it had to be made again (it has lost everything).
 */
@Injectable()
export class Reconciler implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Reconciler.name);
  private readonly end = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private wasAway = false;
  private reconciledAtMs = -Infinity;

  constructor(
    private readonly filling: Filling,
    private readonly documents: Documents,
    private readonly collections: Collections,
    private readonly dependencies: Dependencies,
    private readonly settings: Settings,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule();
  }

  onApplicationShutdown(): void {
    this.end.abort();
    clearTimeout(this.timer);
  }

  /** @param write what to do with a document that is missing: by default its points are written here and now */
  async reconcile(
    collection: string,
    signal: AbortSignal,
    write?: (businessId: string, document: TrueDocument) => Promise<void>,
  ): Promise<Reconciled> {
    this.collections.assertKnown(collection);
    await this.collections.ready();
    const work = { name: collection, into: collection, expected: isReady, write, signal };
    const mended = await this.filling.run(work);
    if (total(mended) > 0) {
      this.logger.warn(
        { event: events.indexReconciled, collection, ...mended },
        `The index of ${collection} was not as the database says: ${mended.missing} documents were missing, ` +
          `${mended.stale} stale and ${mended.surplus} surplus`,
      );
    }
    return { collection, ...mended };
  }

  private schedule(): void {
    if (this.end.signal.aborted) return;
    // Replicas that see the same end of an outage must not all begin at once: who comes later finds less to do.
    const waitMs = this.settings.HEALTH_INTERVAL_MS * (0.5 + Math.random());
    this.timer = setTimeout(() => {
      void this.turn().finally(() => this.schedule());
    }, waitMs);
    this.timer.unref();
  }

  private async turn(): Promise<void> {
    const isUp = this.dependencies.get('vector_store')?.status.state === 'up';
    this.wasAway ||= !isUp;
    const due = this.wasAway && performance.now() - this.reconciledAtMs >= AGAIN_AFTER_MS;
    if (!due && this.collections.empty.size === 0) return;
    try {
      // That it answers again does not say that it still has them.
      await this.collections.renew();
      const empty = [...this.collections.empty];
      for (const collection of due ? this.settings.COLLECTIONS : empty)
        await this.reconcile(collection, this.end.signal, (...missing) => this.queue(...missing));
      this.collections.filled(empty);
      if (due) {
        this.reconciledAtMs = performance.now();
        this.wasAway = false;
      }
    } catch (error) {
      // Away again, or the database is: at the next turn.
      if (!(error instanceof DependencyError) && !this.end.signal.aborted) {
        this.logger.error({ event: events.indexTrouble, err: error }, 'The index could not be compared');
      }
    }
  }

  /** Whichever process has room for it embeds it, and however many find it missing, it is queued once. */
  private async queue(businessId: string, { id }: TrueDocument): Promise<void> {
    try {
      await this.documents.embedAgain(businessId, id);
    } catch (error) {
      // It is queued by now, or gone, or about to be fetched anew.
      if (!(error instanceof AppError)) throw error;
    }
  }
}

function isReady({ status }: TrueDocument): boolean {
  return status === 'ready';
}
