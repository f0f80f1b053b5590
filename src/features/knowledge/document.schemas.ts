import { z } from 'zod';
import { businessId, cursor, id, limit, nonBlank, text } from '../../http/fields.js';

const CONTENT_TYPES = ['text/plain', 'text/markdown', 'text/html'] as const;
// JSON keeps its own limit on the whole body; this one keeps a row's metadata from being a document of its own.
const METADATA_BYTES_MAX = 65_536;

export const contentType = () =>
  z.enum(CONTENT_TYPES, { error: `must be one of ${CONTENT_TYPES.join(', ')}` });

const METADATA_DEPTH_MAX = 20;

// A value costs two bytes at the least: with more of them than this it cannot be small enough.
const METADATA_VALUES_MAX = METADATA_BYTES_MAX / 2;

export const metadata = () =>
  z.record(z.string(), z.unknown(), { error: 'must be an object' }).superRefine((value, context) => {
    const problem = problemOf(value);
    if (problem !== undefined) context.addIssue({ code: 'custom', ...problem });
  });

interface Visit {
  key: string;
  value: unknown;
  depth: number;
  within: Visit | undefined;
}

/**
 * What of a metadata value cannot be kept. It is hostile until shown otherwise: it is walked without recursion, no further
 * than what could be small enough, and measured only then.
 */
function problemOf(metadata: object): { path: string[]; message: string } | undefined {
  const left: Visit[] = [{ key: '', value: metadata, depth: 0, within: undefined }];
  let visited = 0;
  for (let visit = left.pop(); visit !== undefined; visit = left.pop()) {
    const { key, value, depth } = visit;
    visited += 1;
    if (visited + left.length > METADATA_VALUES_MAX) return TOO_LARGE;
    if (depth > METADATA_DEPTH_MAX) {
      const message = `must not be nested deeper than ${METADATA_DEPTH_MAX} levels`;
      return { path: pathOf(visit).slice(0, 1), message };
    }
    for (const words of [key, typeof value === 'string' ? value : '']) {
      if (words.length > METADATA_BYTES_MAX) return TOO_LARGE;
      const { error } = anyText.safeParse(words);
      if (error !== undefined) return { path: pathOf(visit), message: error.issues[0]!.message };
    }
    if (typeof value !== 'object' || value === null) continue;
    const inner = Object.entries(value);
    if (visited + left.length + inner.length > METADATA_VALUES_MAX) return TOO_LARGE;
    for (const [k, v] of inner) left.push({ key: k, value: v, depth: depth + 1, within: visit });
  }
  return Buffer.byteLength(JSON.stringify(metadata)) > METADATA_BYTES_MAX ? TOO_LARGE : undefined;
}

const TOO_LARGE = { path: [], message: `must have at most ${METADATA_BYTES_MAX} bytes as JSON` };

function pathOf(visit: Visit): string[] {
  const path: string[] = [];
  for (let v: Visit | undefined = visit; v?.within !== undefined; v = v.within) path.unshift(v.key);
  return path;
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
