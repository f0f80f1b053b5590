import { z } from 'zod';
import { businessId, cursor, id, limit, nonBlank, text } from '../../http/fields.js';

const CONTENT_TYPES = ['text/plain', 'text/markdown', 'text/html'] as const;
// JSON keeps its own limit on the whole body; this one keeps a row's metadata from being a document of its own.
const METADATA_BYTES_MAX = 65_536;

export const contentType = () =>
  z.enum(CONTENT_TYPES, { error: `must be one of ${CONTENT_TYPES.join(', ')}` });

const METADATA_DEPTH_MAX = 20;

export const metadata = () =>
  z
    .record(text(200), z.unknown(), { error: 'must be an object' })
    .superRefine((value, context) => {
      const problem = problemOf(value);
      if (problem !== undefined) context.addIssue({ code: 'custom', ...problem });
    })
    .refine(
      (m) => Buffer.byteLength(JSON.stringify(m)) <= METADATA_BYTES_MAX,
      `must have at most ${METADATA_BYTES_MAX} bytes as JSON`,
    );

/** What of a metadata value cannot be kept. Without recursion: a hostile value is nested as deep as it can be sent. */
function problemOf(metadata: object): { path: string[]; message: string } | undefined {
  const left: { path: string[]; value: unknown }[] = [{ path: [], value: metadata }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { path, value } = next;
    if (path.length > METADATA_DEPTH_MAX) {
      return {
        path: path.slice(0, 1),
        message: `must not be nested deeper than ${METADATA_DEPTH_MAX} levels`,
      };
    }
    for (const words of [typeof value === 'string' ? value : '', path.at(-1) ?? '']) {
      const { error } = anyText.safeParse(words);
      if (error !== undefined) return { path, message: error.issues[0]!.message };
    }
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value)) left.push({ path: [...path, key], value: inner });
  }
  return undefined;
}

const anyText = text(METADATA_BYTES_MAX);

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
  collection: z.string().optional(),
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
