import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Jobs, type JobData, type RunningJob } from '../../platform/jobs/jobs.js';
import { BootPlan } from '../../resilience/boot.plan.js';
import { Dependencies } from '../../resilience/dependencies.js';
import { sleep } from '../../kernel/abort.js';
import { Deadline } from '../../kernel/deadline.js';
import { ServiceState } from '../../kernel/service-state.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { events } from '../../telemetry/events.js';
import { IngestionRepository, type ProjectedDocument } from './ingestion.repository.js';
import { Projection } from './projection.js';
import { FORGET } from './removals.js';
import { KnowledgeVersions } from './versions.js';

/** Embeds a version of a document. */
export const INGEST = 'ingest';

export interface IngestData extends JobData {
  document_id: string;
  version: number;
  collection: string;
}

interface ForgetData extends JobData {
  document_id: string;
  collection: string;
}

// A document whose processing ended the process so often is taken for the cause.
const INTERRUPTED_MAX = 20;
const PUT_BACK_WITHIN_MS = 60_000;
const PUT_BACK_EVERY_MS = 500;

/**
 * Brings documents into the index, in the background. A job may be done twice or be cut off anywhere: each of its steps
 * can be repeated, and only the last one says that the document is ready.
 */
@Injectable()
export class Ingestion implements OnModuleInit {
  private readonly logger = new Logger(Ingestion.name);

  constructor(
    private readonly jobs: Jobs,
    private readonly repository: IngestionRepository,
    private readonly projection: Projection,
    private readonly versions: KnowledgeVersions,
    private readonly settings: Settings,
    private readonly dependencies: Dependencies,
    private readonly plan: BootPlan,
    private readonly state: ServiceState,
  ) {}

  onModuleInit(): void {
    const dependency = this.dependencies.get('database')!;
    const add = (name: string, after: string[], run: () => Promise<void>) =>
      this.plan.add({ name, after, dependency, run });
    add('jobs', ['migrations'], () => this.jobs.open([INGEST, FORGET]));
    add('workers', ['jobs', 'vector_store'], () => this.work());
    // What is begun now is cut off in a moment: another replica had better begin it.
    this.state.stopping.addEventListener('abort', () => void this.jobs.rest(), { once: true });
  }

  private async work(): Promise<void> {
    const { INGEST_CONCURRENCY: concurrency } = this.settings;
    await this.jobs.work<IngestData>(INGEST, concurrency, (job) => this.ingest(job));
    await this.jobs.work<ForgetData>(FORGET, Math.min(1, concurrency), ({ data }) =>
      this.clearUp(data.business_id, data.document_id, data.collection),
    );
  }

  private async ingest({ data, signal }: RunningJob<IngestData>): Promise<void> {
    const { business_id: businessId, document_id: id, version, collection } = data;
    const document = await this.repository.begin(businessId, id, version);
    if (document === undefined) {
      // Deleted, replaced or settled in the meantime. A run that was cut off may have left points of what is no more.
      await this.clearUp(businessId, id, collection);
      return;
    }
    if (document.interrupted > INTERRUPTED_MAX) {
      const message = `Processing it was cut off ${INTERRUPTED_MAX} times: it may be what ends the process`;
      await this.repository.fail(businessId, document, 'interrupted', message);
      return;
    }
    try {
      await this.projection.project(businessId, document, signal);
    } catch (error) {
      // Also when the job is over because the service stops: how the document stands is to be said all the same.
      await Deadline.none(() => this.settle(businessId, document, error, signal));
      return;
    }
    if (await this.repository.finish(businessId, document))
      await this.versions.changed(businessId, collection);
    else await this.clearUp(businessId, id, collection);
  }

  /** What will pass is tried again; what will not is said to the owner of the document. */
  private async settle(
    businessId: string,
    document: ProjectedDocument,
    error: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    if (error instanceof DependencyError || signal.aborted) {
      const reason =
        error instanceof DependencyError ? `${error.dependency}: ${error.reason}` : 'the service is stopping';
      await this.putBack(businessId, document, `Tried again by itself (${reason})`, signal);
      throw error;
    }
    const { id } = document;
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
    stopping: AbortSignal,
  ): Promise<void> {
    for (const endMs = performance.now() + PUT_BACK_WITHIN_MS; ;) {
      try {
        await this.repository.wait(businessId, document, message);
        return;
      } catch (error) {
        const patient = !stopping.aborted && performance.now() < endMs;
        if (!patient || !(error instanceof DependencyError)) throw error;
        await sleep(Math.max(PUT_BACK_EVERY_MS, error.retryAfterMs ?? 0), stopping);
      }
    }
  }

  /** Removes the points of every version before the one that the document has now; of all, if it is there no longer. */
  private async clearUp(businessId: string, id: string, collection: string): Promise<void> {
    const current = await this.repository.currentVersion(businessId, id);
    await this.projection.forget(collection, businessId, id, current);
  }
}
