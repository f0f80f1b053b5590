import { z } from 'zod';
import { businessId, count, cursor, id, limit, nonBlank, text } from '../../http/fields.js';
import { bounded } from '../../http/metadata.js';
import { degradation } from '../search/search.schemas.js';

const USER_CHARACTERS_MAX = 200;

/** A list of texts; one text is a list of one. Blank ones are left out. */
const texts = (entriesMax: number, charactersMax: number) =>
  z
    .union([text(charactersMax), z.array(text(charactersMax)).max(entriesMax)], {
      error: `must be a text or a list of at most ${entriesMax} texts, each of at most ${charactersMax} characters`,
    })
    .transform((sent) => [sent].flat().filter((one) => one.trim() !== ''))
    .default([]);
const terms = () => texts(100, 200);
const contents = () => texts(1_000, 500);

const userFacts = () =>
  z
    .looseObject({
      interests: terms(),
      skills: terms(),
      goals: terms(),
      role: text(200).optional(),
      viewed: contents().describe('Ids or external ids of documents: they are recommended no more'),
      seen: contents().describe('The same as viewed'),
      liked: contents().describe('These are seen as well, and others like them are recommended'),
      disliked: contents().describe('These are seen as well'),
    })
    .superRefine(bounded);

const FACTS = { interests: ['distributed systems'], skills: ['Go'], role: 'Backend Engineer' };

export const newUserPattern = z
  .strictObject({
    user_id: nonBlank(USER_CHARACTERS_MAX),
    pattern_data: userFacts().describe('What is not named here is kept as well, and not used'),
    business_id: businessId().optional(),
  })
  .meta({
    id: 'NewUserPattern',
    // zod has no `examples` of what is transformed.
    example: {
      user_id: 'ada',
      pattern_data: { ...FACTS, viewed: ['consensus-101'], liked: ['raft-by-example'] },
    },
  });

export const patternAccepted = z.strictObject({ pattern_id: id() }).meta({ id: 'PatternAccepted' });

export const patternId = z.strictObject({ id: id() });

export const patternView = z
  .strictObject({
    id: id(),
    user_id: z.string(),
    pattern_data: z.record(z.string(), z.unknown()),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'UserPattern' });

export const patternsQuery = z.strictObject({
  limit: limit(50, 200),
  cursor: cursor().optional(),
  user_id: nonBlank(USER_CHARACTERS_MAX).optional(),
  business_id: businessId().optional(),
});

export const patternsPage = z.strictObject({
  data: z.array(patternView),
  next_cursor: z.string().nullable(),
});

export const recommendationsRequest = z
  .strictObject({
    user_id: nonBlank(USER_CHARACTERS_MAX),
    content_type: nonBlank(200).describe(
      'The name of a collection, for all that is in it; otherwise documents whose metadata.content_type is this',
    ),
    user_profile: userFacts()
      .optional()
      .describe('As pattern_data; it counts before the stored patterns, and is not stored'),
    limit: count(20, 100),
    business_id: businessId().optional(),
  })
  .meta({
    id: 'RecommendationsRequest',
    example: { user_id: 'ada', content_type: 'article', user_profile: FACTS, limit: 5 },
  });

/** The profile of a request that has none. */
export const noProfile = userFacts().parse({});

export const recommendationsResponse = z
  .strictObject({
    pattern_id: id().nullable().describe('The newest pattern of the user; null while none is stored'),
    recommendations: z.array(
      z.strictObject({
        document_id: id(),
        external_id: z.string().nullable(),
        title: z.string(),
        score: z.number().describe('Comparable within one answer; 0 where likeness was not measured'),
        found_by: z.enum(['profile', 'liked', 'popular']),
        reason: z.string().describe('Why it is recommended'),
        metadata: z.record(z.string(), z.unknown()),
      }),
    ),
    total_recommendations: z.number().int(),
    retrieval: z
      .enum(['hybrid', 'vector', 'keyword', 'popular', 'none'])
      .describe('What the best of them were found by; none: there is nothing that the user has not seen'),
    degraded_because: z.array(degradation),
  })
  .meta({ id: 'RecommendationsResponse' });
