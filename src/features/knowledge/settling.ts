import { Injectable, Logger } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { sleep } from '../../kernel/abort.js';
import { Deadline } from '../../kernel/deadline.js';
import { PageFault } from '../../platform/web-pages/web-pages.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { events } from '../../telemetry/events.js';
import { IngestionRepository, type ProjectedDocument } from './ingestion.repository.js';

/** A document whose processing ended the process so often is taken for the cause. */
export const INTERRUPTED_MAX = 20;
const PUT_BACK_WITHIN_MS = 60_000;
const PUT_BACK_EVERY_MS = 500;

/** Says how a document stands when a run did not come to its end. */
@Injectable()
export class Settling {
  private readonly logger = new Logger(Settling.name);

  constructor(
    private readonly repository: IngestionRepository,
    private readonly settings: Settings,
  ) {}

  /**
   * What will pass is tried again; what will not is said to the owner of the document. Also when the job is over because
   * the service stops: how the document stands is to be said all the same.
   * @throws the error itself where the job is to be done again
   */
  async settle(
    businessId: string,
    document: ProjectedDocument,
    error: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const again = this.reasonToTryAgain(document, error, signal);
    await Deadline.none(async () => {
      if (again === undefined) return this.fail(businessId, document, error);
      const message = `Tried again by itself (${again})`;
      await this.putBack(businessId, document, message, error instanceof PageFault, signal);
      throw error;
    });
  }

  async giveUp(businessId: string, document: ProjectedDocument): Promise<void> {
    const message = `Processing it was cut off ${INTERRUPTED_MAX} times: it may be what ends the process`;
    await this.repository.fail(businessId, document, 'interrupted', message);
  }

  private reasonToTryAgain(
    { fetch_failures }: ProjectedDocument,
    error: unknown,
    signal: AbortSignal,
  ): string | undefined {
    if (error instanceof DependencyError) return `${error.dependency}: ${error.reason}`;
    if (error instanceof PageFault) {
      const tries = fetch_failures + 1;
      const { WEB_PAGE_TRIES_MAX: triesMax } = this.settings;
      return error.transient && tries < triesMax
        ? `${error.message}: ${tries} of ${triesMax} tries`
        : undefined;
    }
    return signal.aborted ? 'the service is stopping' : undefined;
  }

  private async fail(businessId: string, document: ProjectedDocument, error: unknown): Promise<void> {
    const { id } = document;
    if (error instanceof PageFault) {
      // Not its address, which may be as good as a password.
      this.logger.warn(
        { event: events.documentFailed, document: id, code: error.code },
        `The page of document ${id} could not be had: ${error.code}`,
      );
      const tried = error.transient
        ? `. It was tried ${document.fetch_failures + 1} times: retry the document when it is back`
        : '';
      await this.repository.fail(businessId, document, error.code, `${error.message}${tried}`);
      return;
    }
    this.logger.error({ event: events.documentFailed, document: id, err: error }, `Document ${id} failed`);
    const message =
      'Processing it failed in a way that was not foreseen: the log tells more. It can be retried';
    await this.repository.fail(businessId, document, 'internal', message);
  }

  /**
   * Waits for the database, if it is that which is away: the next run would otherwise take the document for one whose
   * processing ended the process.
   */
  private async putBack(
    businessId: string,
    document: ProjectedDocument,
    message: string,
    pageFailed: boolean,
    stopping: AbortSignal,
  ): Promise<void> {
    for (const endMs = performance.now() + PUT_BACK_WITHIN_MS; ;) {
      try {
        await this.repository.wait(businessId, document, message, pageFailed);
        return;
      } catch (error) {
        const patient = !stopping.aborted && performance.now() < endMs;
        if (!patient || !(error instanceof DependencyError)) throw error;
        await sleep(Math.max(PUT_BACK_EVERY_MS, error.retryAfterMs ?? 0), stopping);
      }
    }
  }
}
