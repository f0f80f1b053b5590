import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Settings } from '../../config/settings.js';
import { AppError } from '../../kernel/app-error.js';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Important } from '../../http/load.guard.js';
import { Budget } from '../../http/deadline.js';
import { page, tenantQuery } from '../../http/fields.js';
import { IdempotencyKey } from '../../http/idempotency.js';
import { Answers } from '../../http/openapi.js';
import {
  accepted,
  documentId,
  documentQuery,
  documentView,
  newDocument,
  type NewDocument,
} from './document.schemas.js';
import type { PageSubmission, Submission } from './document.writer.js';
import { Documents } from './documents.service.js';
import type { DocumentRecord } from './documents.repository.js';
import { readUpload } from './upload.js';

// Reading a large document and committing it takes a while on the embedded engine.
const INTAKE_BUDGET_MS = 60_000;

// A form has no JSON body: readUpload reads it, and checks it against the same schema.
const bodyOrForm = newDocument.nullish();

@ApiTags('Knowledge')
@Controller('api/v1/documents')
export class DocumentsController {
  constructor(
    private readonly documents: Documents,
    private readonly settings: Settings,
  ) {}

  @Post()
  @Important('ingest')
  @ApiOperation({
    summary:
      'Takes a document in, as JSON, as a file in the form field `file`, or by the address of a page that is fetched in the background.',
    description: 'The same external_id takes the place of the older one.',
  })
  @HttpCode(202)
  @Scope('write')
  @Budget(INTAKE_BUDGET_MS)
  @ApiConsumes('application/json', 'multipart/form-data')
  @Answers(202, accepted)
  async accept(
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() key: string | undefined,
    @Req() request: FastifyRequest,
    @Body({ schema: bodyOrForm }) body: NewDocument | null | undefined,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof accepted>> {
    const document = await this.read(request, body);
    const tenant = caller.tenant(document.business_id, query.business_id);
    const id = await this.documents.accept(tenant, toSubmission(document), key);
    return toAccepted(id);
  }

  @Get()
  @ApiOperation({ summary: 'Lists the documents, newest first.' })
  @Scope('read')
  @Answers(200, z.strictObject({ data: z.array(documentView), next_cursor: z.string().nullable() }))
  async list(
    @Caller() caller: CallerIdentity,
    @Query({ schema: documentQuery }) query: z.output<typeof documentQuery>,
  ) {
    const found = await this.documents.list(caller.tenant(query.business_id), {
      limit: query.limit + 1,
      ...(query.cursor !== undefined && { after: query.cursor }),
      ...(query.collection !== undefined && { collection: query.collection }),
      ...(query.external_id !== undefined && { externalId: query.external_id }),
      ...(query.status !== undefined && { status: query.status }),
    });
    return page(found.map(toView), query.limit);
  }

  @Get(':id')
  @ApiOperation({ summary: 'A document and how far it is; not what it says.' })
  @Scope('read')
  @Answers(200, documentView)
  async find(
    @Caller() caller: CallerIdentity,
    @Param({ schema: documentId }) { id }: z.output<typeof documentId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof documentView>> {
    return toView(await this.documents.find(caller.tenant(query.business_id), id));
  }

  @Get(':id/content')
  @ApiOperation({
    summary:
      'The text that `start` and `end` of a hit count in: what was sent, or the readable text of HTML.',
  })
  @Scope('read')
  @Header('Content-Type', 'text/plain; charset=utf-8')
  @Answers(200)
  async content(
    @Caller() caller: CallerIdentity,
    @Param({ schema: documentId }) { id }: z.output<typeof documentId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<string> {
    return this.documents.content(caller.tenant(query.business_id), id);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Removes a document: from now on no answer shows it.' })
  @HttpCode(204)
  @Scope('write')
  @Answers(204)
  async remove(
    @Caller() caller: CallerIdentity,
    @Param({ schema: documentId }) { id }: z.output<typeof documentId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<void> {
    await this.documents.remove(caller.tenant(query.business_id), id);
  }

  @Post(':id/retry')
  @Important('ingest')
  @ApiOperation({
    summary:
      'Embeds a document anew that has failed, or that is ready; one of a source_url is fetched anew first.',
  })
  @HttpCode(202)
  @Scope('write')
  @Answers(202, accepted)
  async retry(
    @Caller() caller: CallerIdentity,
    @Param({ schema: documentId }) { id }: z.output<typeof documentId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof accepted>> {
    await this.documents.retry(caller.tenant(query.business_id), id);
    return toAccepted(id);
  }

  private async read(request: FastifyRequest, body: NewDocument | null | undefined): Promise<NewDocument> {
    if (request.isMultipart()) return readUpload(request, this.settings.DOCUMENT_BYTES_MAX);
    if (body === undefined || body === null)
      throw new AppError('malformed_request', 'The body is empty: send a document');
    return body;
  }
}

/** The schema has seen to it that there is either a content with a title or an address. */
function toSubmission(document: NewDocument): Submission | PageSubmission {
  const { title, content, source_url: sourceUrl, collection, metadata, external_id: externalId } = document;
  if (sourceUrl !== undefined) return { title, sourceUrl, collection, externalId, metadata };
  const contentType = document.content_type ?? 'text/plain';
  return { title: title!, content: content!, contentType, collection, externalId, metadata };
}

function toAccepted(id: string): z.output<typeof accepted> {
  return { id, status: 'queued', status_url: `/api/v1/documents/${id}` };
}

function toView(record: DocumentRecord): z.output<typeof documentView> {
  const { version: _, error_code: code, error_message: message, created_at, updated_at, ...rest } = record;
  return {
    ...rest,
    error: code === null || message === null ? null : { code, message },
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}
