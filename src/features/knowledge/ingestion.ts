import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Jobs, type JobData, type RunningJob } from '../../platform/jobs/jobs.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { events } from '../../telemetry/events.js';
import { IngestionRepository } from './ingestion.repository.js';
import { Projection } from './projection.js';

/** Embeds a version of a document. */
export const INGEST = 'ingest';
/** Removes what the index still holds of a document that was deleted. */
export const FORGET = 'forget';

export interface IngestData extends JobData {
  document_id: string;
  version: number;
}

interface ForgetData extends JobData {
  document_id: string;
  collection: string;
}

// A document whose processing ended the process so often is taken for the cause.
const INTERRUPTED_MAX = 20;

/**
 * Brings documents into the index, in the background. A job may be done twice or be cut off anywhere: each of its steps
 * can be repeated, and only the last one says that the document is ready.
 */
@Injectable()
export class Ingestion implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(Ingestion.name);

  constructor(
    private readonly jobs: Jobs,
    private readonly repository: IngestionRepository,
    private readonly projection: Projection,
    private readonly settings: Settings,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.jobs.open([INGEST, FORGET]);
  }

  /** Jobs are taken once everything is open. */
  async onApplicationBootstrap(): Promise<void> {
    await this.jobs.work<IngestData>(INGEST, this.settings.INGEST_CONCURRENCY, (job) => this.ingest(job));
    await this.jobs.work<ForgetData>(FORGET, 1, ({ data }) =>
      this.projection.forget(data.collection, data.business_id, data.document_id),
    );
  }

  private async ingest({ data, signal }: RunningJob<IngestData>): Promise<void> {
    const { business_id: businessId, document_id: id, version } = data;
    const document = await this.repository.begin(businessId, id, version);
    // Deleted, replaced or cancelled in the meantime: whoever did that sees to what is left.
    if (document === undefined) return;
    if (document.interrupted > INTERRUPTED_MAX) {
      await this.fail(
        data,
        'interrupted',
        `Processing it was cut off ${INTERRUPTED_MAX} times: it may be what ends the process`,
      );
      return;
    }
    try {
      await this.projection.project(businessId, document, signal);
      if (!(await this.repository.finish(businessId, id, version))) await this.clearUp(businessId, document);
    } catch (error) {
      await this.settle(data, error, signal);
    }
  }

  /** What will pass is tried again; what will not is said to the owner of the document. */
  private async settle(data: IngestData, error: unknown, signal: AbortSignal): Promise<void> {
    const { business_id: businessId, document_id: id, version } = data;
    if (error instanceof DependencyError || signal.aborted) {
      const reason =
        error instanceof DependencyError ? `${error.dependency}: ${error.reason}` : 'the service is stopping';
      await this.repository.wait(businessId, id, version, `Tried again by itself (${reason})`);
      throw error;
    }
    this.logger.error({ event: events.documentFailed, document: id, err: error }, `Document ${id} failed`);
    await this.fail(
      data,
      'internal',
      'Processing it failed in a way that was not foreseen: the log tells more. It can be retried',
    );
  }

  private async fail(data: IngestData, code: string, message: string): Promise<void> {
    await this.repository.fail(data.business_id, data.document_id, data.version, code, message);
  }

  /** The document changed while its vectors were written: those of the old version go. */
  private async clearUp(businessId: string, document: { id: string; collection: string }): Promise<void> {
    const current = await this.repository.currentVersion(businessId, document.id);
    await this.projection.forget(document.collection, businessId, document.id, current);
  }
}
