import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Jobs, type JobData, type RunningJob } from '../../platform/jobs/jobs.js';
import { BootPlan } from '../../resilience/boot.plan.js';
import { Dependencies } from '../../resilience/dependencies.js';
import { Load } from '../../resilience/load/load.js';
import { ServiceState } from '../../kernel/service-state.js';
import { Fetching } from './fetching.js';
import { IngestionRepository } from './ingestion.repository.js';
import { FETCH, INGEST, type IngestData } from './job.kinds.js';
import { Projection } from './projection.js';
import { FORGET } from './removals.js';
import { INTERRUPTED_MAX, Settling } from './settling.js';
import { KnowledgeVersions } from './versions.js';

interface ForgetData extends JobData {
  document_id: string;
  collection: string;
}

/**
 * Brings documents into the index, in the background. A job may be done twice or be cut off anywhere: each of its steps
 * can be repeated, and only the last one says that the document is ready.
 */
@Injectable()
export class Ingestion implements OnModuleInit {
  constructor(
    private readonly jobs: Jobs,
    private readonly repository: IngestionRepository,
    private readonly projection: Projection,
    private readonly versions: KnowledgeVersions,
    private readonly fetching: Fetching,
    private readonly settling: Settling,
    private readonly settings: Settings,
    private readonly dependencies: Dependencies,
    private readonly plan: BootPlan,
    private readonly state: ServiceState,
    private readonly load: Load,
  ) {}

  onModuleInit(): void {
    const dependency = this.dependencies.get('database')!;
    const add = (name: string, after: string[], run: () => Promise<void>) =>
      this.plan.add({ name, after, dependency, run });
    add('jobs', ['migrations'], () => this.jobs.open([INGEST, FETCH, FORGET]));
    add('workers', ['jobs', 'vector_store'], () => this.work());
    // What is begun now is cut off in a moment: another replica had better begin it.
    this.state.stopping.addEventListener('abort', () => void this.jobs.rest(), { once: true });
  }

  private async work(): Promise<void> {
    const { INGEST_CONCURRENCY: concurrency, FETCH_CONCURRENCY } = this.settings;
    await this.jobs.work<IngestData>(INGEST, concurrency, async (job) => {
      await this.load.makeWay(job.signal);
      await this.ingest(job);
    });
    const fetchers = concurrency === 0 ? 0 : FETCH_CONCURRENCY;
    await this.jobs.work<IngestData>(FETCH, fetchers, (job) => this.fetching.fetch(job));
    await this.jobs.work<ForgetData>(FORGET, Math.min(1, concurrency), ({ data }) =>
      this.clearUp(data.business_id, data.document_id, data.collection),
    );
  }

  private async ingest({ data, signal }: RunningJob<IngestData>): Promise<void> {
    const { business_id: businessId, document_id: id, version, collection } = data;
    const document = await this.repository.begin(businessId, id, version, false);
    if (document === undefined) {
      // Deleted, replaced or settled in the meantime. A run that was cut off may have left points of what is no more.
      await this.clearUp(businessId, id, collection);
      return;
    }
    if (document.interrupted > INTERRUPTED_MAX) return this.settling.giveUp(businessId, document);
    try {
      await this.projection.project(businessId, document, signal);
    } catch (error) {
      // Also when the job is over because the service stops: how the document stands is to be said all the same.
      await this.settling.settle(businessId, document, error, signal);
      return;
    }
    if (await this.repository.finish(businessId, document))
      await this.versions.changed(businessId, collection);
    else await this.clearUp(businessId, id, collection);
  }

  /** Removes the points of every version before the one that the document has now; of all, if it is there no longer. */
  private async clearUp(businessId: string, id: string, collection: string): Promise<void> {
    const current = await this.repository.currentVersion(businessId, id);
    await this.projection.forget(collection, businessId, id, current);
  }
}
