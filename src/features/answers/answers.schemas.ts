import { z } from 'zod';
import { businessId, count, filter, id, nonBlank } from '../../http/fields.js';
import { degradation, QUERY_CHARACTERS_MAX, retrieval } from '../search/search.schemas.js';

export const answerRequest = z
  .strictObject({
    question: nonBlank(QUERY_CHARACTERS_MAX),
    limit: count(6, 20).describe('How many passages the answer may rest on'),
    collection: z.string().default('documents'),
    filter: filter().default({}),
    web: z
      .boolean({ error: 'must be true or false' })
      .default(false)
      .describe('Whether the answer may rest on pages of the web as well; the question is then sent there'),
    stream: z.literal(false, { error: 'must be false: answers are not streamed yet' }).default(false),
    business_id: businessId().optional(),
  })
  .meta({ id: 'AnswerRequest' });

export const answerResponse = z
  .strictObject({
    answer: z.string().describe('[n] points at the citation with that n'),
    citations: z.array(
      z.strictObject({
        n: z.number().int(),
        document_id: id().nullable().describe('null for a page of the web'),
        chunk_id: id().nullable().describe('null for a page of the web'),
        url: z.string().nullable().describe('The page of the web; null for a document'),
        title: z.string(),
        text: z.string(),
      }),
    ),
    answer_level: z.enum(['full', 'fallback_model', 'cached', 'extractive']),
    retrieval,
    degraded_because: z.array(degradation),
    verified: z.boolean().describe('Whether each passage was checked against the database'),
    model: z.string().nullable(),
    usage: z.strictObject({ input_tokens: z.number().int(), output_tokens: z.number().int() }).nullable(),
    truncated: z.boolean().describe('The model stopped at the most that it may write, not at an end'),
    cached_age_s: z.number().int().nullable(),
  })
  .meta({ id: 'AnswerResponse' });

export type Answer = z.output<typeof answerResponse>;
