import { z } from 'zod';
import { id } from '../../http/fields.js';
import { degradation, retrieval } from '../search/search.schemas.js';

export const citation = z
  .strictObject({
    n: z.number().int(),
    document_id: id().nullable().describe('null for a page of the web'),
    chunk_id: id().nullable().describe('null for a page of the web'),
    url: z.string().nullable().describe('The page of the web; null for a document'),
    title: z.string(),
    text: z.string(),
  })
  .meta({ id: 'Citation' });

export type Citation = z.output<typeof citation>;

/** What every text says of itself. */
export const writtenShape = {
  citations: z.array(citation),
  answer_level: z.enum(['full', 'fallback_model', 'cached', 'extractive']),
  retrieval,
  degraded_because: z.array(degradation),
  verified: z.boolean().describe('Whether each passage was checked against the database'),
  model: z.string().nullable(),
  usage: z
    .strictObject({ input_tokens: z.number().int(), output_tokens: z.number().int() })
    .nullable()
    .describe('null where no model wrote it, or its provider does not say'),
  truncated: z.boolean().describe('The model stopped at the most that it may write, not at an end'),
};

export const streamFlag = () =>
  z
    .boolean({ error: 'must be true or false' })
    .default(false)
    .describe('Whether the text comes as server-sent events while it is written');
