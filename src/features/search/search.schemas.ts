import { z } from 'zod';
import { businessId, count, filter, id, nonBlank } from '../../http/fields.js';

export const QUERY_CHARACTERS_MAX = 2_000;

export const searchRequest = z
  .strictObject({
    query: nonBlank(QUERY_CHARACTERS_MAX),
    limit: count(10, 100),
    mode: z
      .enum(['hybrid', 'vector', 'keyword'], { error: 'must be one of hybrid, vector, keyword' })
      .default('hybrid'),
    collection: z.string().default('documents'),
    filter: filter().default({}),
    business_id: businessId().optional(),
  })
  .meta({ id: 'SearchRequest', examples: [{ query: 'return goods', limit: 3, filter: { language: 'en' } }] });

export const degradation = z
  .strictObject({ dependency: z.string(), reason: z.string() })
  .meta({ id: 'Degradation' });

export const retrieval = z.enum(['hybrid', 'vector', 'keyword', 'none']);

export const searchResponse = z
  .strictObject({
    hits: z.array(
      z.strictObject({
        chunk_id: id(),
        document_id: id(),
        title: z.string(),
        text: z.string(),
        score: z.number().describe('Comparable within one answer only'),
        metadata: z.record(z.string(), z.unknown()),
        start: z.number().int(),
        end: z.number().int(),
      }),
    ),
    retrieval,
    degraded_because: z.array(degradation),
    verified: z.boolean().describe('Every hit was checked against the database'),
    took_ms: z.number().int(),
  })
  .meta({ id: 'SearchResponse' });
