import { z } from 'zod';
import { businessId, cursor, id, limit, nonBlank, text } from '../../http/fields.js';
import { metadata } from '../../http/metadata.js';

const CONTENT_TYPES = ['text/plain', 'text/markdown', 'text/html'] as const;

export const contentType = () =>
  z.enum(CONTENT_TYPES, { error: `must be one of ${CONTENT_TYPES.join(', ')}` });

/** The size of `content` is checked where its bytes are counted, against DOCUMENT_BYTES_MAX. */
export const newDocument = z
  .strictObject({
    title: nonBlank(500),
    content: z.string({ error: 'must be text' }),
    content_type: contentType().default('text/plain'),
    external_id: nonBlank(500).optional(),
    collection: z.string().default('documents'),
    metadata: metadata().default({}),
    business_id: businessId().optional(),
  })
  .meta({ id: 'NewDocument' });

/** The same, as fields of a form beside the file. */
export const uploadFields = z.strictObject({
  title: nonBlank(500).optional(),
  content_type: contentType().optional(),
  external_id: nonBlank(500).optional(),
  collection: z.string().default('documents'),
  metadata: z
    .string()
    .transform((value, context) => {
      try {
        return JSON.parse(value) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON' });
        return z.NEVER;
      }
    })
    .pipe(metadata())
    .default({}),
  business_id: businessId().optional(),
});

export const documentId = z.strictObject({ id: id() });

export const documentQuery = z.strictObject({
  limit: limit(50, 200),
  cursor: cursor().optional(),
  collection: text(41).optional(),
  external_id: text(500).optional(),
  status: z.enum(['queued', 'processing', 'ready', 'failed']).optional(),
  business_id: businessId().optional(),
});

export const jobQuery = z.strictObject({
  limit: limit(50, 200),
  cursor: cursor().optional(),
  status: z.enum(['queued', 'running', 'retrying', 'completed', 'failed', 'cancelled']).optional(),
  stuck: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .transform((v) => v === 'true')
    .optional(),
  business_id: businessId().optional(),
});

export const accepted = z
  .strictObject({ id: id(), status: z.literal('queued'), status_url: z.string() })
  .meta({ id: 'Accepted' });

export const documentView = z
  .strictObject({
    id: id(),
    external_id: z.string().nullable(),
    collection: z.string(),
    title: z.string(),
    content_type: z.enum(CONTENT_TYPES),
    content_sha256: z.string().describe('SHA-256 of the content as it was sent, in hexadecimal'),
    status: z.enum(['queued', 'processing', 'ready', 'failed']),
    chunk_count: z.number().int(),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    metadata: z.record(z.string(), z.unknown()),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Document' });

export const jobView = z
  .strictObject({
    id: id(),
    kind: z.string(),
    status: z.enum(['queued', 'running', 'retrying', 'completed', 'failed', 'cancelled']),
    attempts: z.number().int(),
    last_error: z.string().nullable(),
    created_at: z.iso.datetime(),
    started_at: z.iso.datetime().nullable(),
    finished_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Job' });

export type NewDocument = z.output<typeof newDocument>;
