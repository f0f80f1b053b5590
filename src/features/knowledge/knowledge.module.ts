import { Module } from '@nestjs/common';
import { Collections } from './collections.js';
import { Comparison } from './comparison.js';
import { DocumentWriter } from './document.writer.js';
import { DocumentsController } from './documents.controller.js';
import { DocumentsRepository } from './documents.repository.js';
import { Documents } from './documents.service.js';
import { Embeddings } from './embeddings.js';
import { Fetching } from './fetching.js';
import { Filling } from './filling.js';
import { Ingestion } from './ingestion.js';
import { IngestionJobs } from './ingestion.jobs.js';
import { IngestionRepository } from './ingestion.repository.js';
import { JobsController } from './jobs.controller.js';
import { Projection } from './projection.js';
import { Queues } from './queues.js';
import { Reading } from './reading.js';
import { Rebuild } from './rebuild.js';
import { Reconciler } from './reconciler.js';
import { Removals } from './removals.js';
import { Settling } from './settling.js';
import { TruthRepository } from './truth.repository.js';
import { KnowledgeVersions } from './versions.js';
import { Waking } from './waking.js';

@Module({
  controllers: [DocumentsController, JobsController],
  providers: [
    Collections,
    Comparison,
    Documents,
    DocumentsRepository,
    DocumentWriter,
    Embeddings,
    Fetching,
    Filling,
    Ingestion,
    IngestionJobs,
    IngestionRepository,
    KnowledgeVersions,
    Projection,
    Queues,
    Reading,
    Rebuild,
    Reconciler,
    Removals,
    Settling,
    TruthRepository,
    Waking,
  ],
  exports: [
    Collections,
    Documents,
    DocumentWriter,
    Embeddings,
    KnowledgeVersions,
    Rebuild,
    Reconciler,
    Removals,
  ],
})
export class KnowledgeModule {}
