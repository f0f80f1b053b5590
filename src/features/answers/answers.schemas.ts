import { z } from 'zod';
import { businessId, count, filter, nonBlank } from '../../http/fields.js';
import { QUERY_CHARACTERS_MAX } from '../search/search.schemas.js';
import { streamFlag, writtenShape } from '../writing/writing.schemas.js';

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
    max_age_s: z
      .number({ error: 'must be a number of seconds, 0 or more' })
      .min(0, 'must be a number of seconds, 0 or more')
      .optional()
      .describe(
        'An earlier answer to the same question on the same documents will do if it is no older. Without it, one is given only where no model can answer',
      ),
    stream: streamFlag(),
    business_id: businessId().optional(),
  })
  .meta({ id: 'AnswerRequest', examples: [{ question: 'When are refunds paid?' }] });

export const answerResponse = z
  .strictObject({
    answer: z.string().describe('[n] points at the citation with that n'),
    ...writtenShape,
    cached_age_s: z.number().int().nullable().describe('How old the answer is, where it is an earlier one'),
    cached_question: z.string().nullable().describe('What the earlier answer was given to'),
  })
  .meta({ id: 'AnswerResponse' });

export type Answer = z.output<typeof answerResponse>;
