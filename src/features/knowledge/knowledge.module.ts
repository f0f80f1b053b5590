import { Module } from '@nestjs/common';
import { Collections } from './collections.js';
import { DocumentsController } from './documents.controller.js';
import { DocumentsRepository } from './documents.repository.js';
import { Documents } from './documents.service.js';
import { Embeddings } from './embeddings.js';
import { Ingestion } from './ingestion.js';
import { IngestionJobs } from './ingestion.jobs.js';
import { IngestionRepository } from './ingestion.repository.js';
import { JobsController } from './jobs.controller.js';
import { Projection } from './projection.js';

@Module({
  controllers: [DocumentsController, JobsController],
  providers: [
    Collections,
    Documents,
    DocumentsRepository,
    Embeddings,
    Ingestion,
    IngestionJobs,
    IngestionRepository,
    Projection,
  ],
  exports: [Collections, Documents, Embeddings],
})
export class KnowledgeModule {}
