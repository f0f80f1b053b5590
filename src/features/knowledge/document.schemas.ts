import { z } from 'zod';
import { businessId, cursor, id, limit, nonBlank, text } from '../../http/fields.js';
import { metadata } from '../../http/metadata.js';

const CONTENT_TYPES = ['text/plain', 'text/markdown', 'text/html'] as const;

export const contentType = () =>
  z.enum(CONTENT_TYPES, { error: `must be one of ${CONTENT_TYPES.join(', ')}` });

/** The size of `content` is checked where its bytes are counted, against DOCUMENT_BYTES_MAX. */
export const newDocument = z
  .strictObject({
    title: nonBlank(500).optional().describe('Required with content; a page may say its own'),
    content: z.string({ error: 'must be text' }).optional(),
    source_url: text(2_000)
      .optional()
      .describe(
        'The address of a page (http or https) to be fetched in the background, in place of content. `POST …/{id}/retry` fetches it again',
      ),
    content_type: contentType().optional().describe('Of content: text/plain by default. A page says its own'),
    external_id: nonBlank(500).optional(),
    collection: z.string().default('documents'),
    metadata: metadata().default({}),
    business_id: businessId().optional(),
  })
  .superRefine((document, context) => {
    for (const [path, message] of problemsOfSource(document))
      context.addIssue({ code: 'custom', path: [path], message });
  })
  .meta({
    id: 'NewDocument',
    examples: [
      {
        external_id: 'returns',
        title: 'Return policy',
        content: 'Refunds are paid within five working days.',
        metadata: { language: 'en' },
      },
    ],
  });

/** A document says either what it is or where, and each has fields that go with it. */
function problemsOfSource(document: {
  title?: unknown;
  content?: unknown;
  source_url?: unknown;
  content_type?: unknown;
}): [path: string, message: string][] {
  const { title, content, source_url, content_type } = document;
  if (content === undefined && source_url === undefined) {
    const message = 'is missing: send either content or source_url';
    return [
      ['content', message],
      ['source_url', message],
    ];
  }
  if (source_url === undefined)
    return title === undefined ? [['title', 'is missing: content needs one']] : [];
  if (content !== undefined) {
    const message = 'must not stand beside the other: send either content or source_url';
    return [
      ['content', message],
      ['source_url', message],
    ];
  }
  return content_type === undefined
    ? []
    : [['content_type', 'goes with content: the page of a source_url says its own. Leave it out']];
}

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
    content_type: z
      .enum(CONTENT_TYPES)
      .nullable()
      .describe('null until the page of source_url is fetched for the first time'),
    content_sha256: z
      .string()
      .nullable()
      .describe('SHA-256 of the content as it was sent or fetched, in hexadecimal; null until then'),
    source_url: z.string().nullable().describe('Where the content is fetched from; null where it was sent'),
    status: z.enum(['queued', 'processing', 'ready', 'failed']),
    chunk_count: z.number().int(),
    error: z
      .strictObject({
        code: z
          .string()
          .describe(
            'waiting (tried again by itself), cancelled, interrupted or internal; of a page address_refused, page_not_found, page_forbidden, page_refused, page_redirects, page_certificate, page_type, page_too_large, page_unreadable or page_unavailable',
          ),
        message: z.string(),
      })
      .nullable(),
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
