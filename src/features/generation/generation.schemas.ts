import { z } from 'zod';
import { businessId, id, nonBlank, text } from '../../http/fields.js';
import { QUERY_CHARACTERS_MAX } from '../search/search.schemas.js';
import { streamFlag, writtenShape } from '../writing/writing.schemas.js';

const contentType = () =>
  nonBlank(100).describe(
    'What kind of text it is, as in "blog post": feedback counts for those of the same kind',
  );

export const generateRequest = z
  .strictObject({
    business_id: businessId().optional(),
    topic: nonBlank(QUERY_CHARACTERS_MAX),
    format: contentType(),
    voice: nonBlank(500).default('clear and friendly').describe('How it is to sound'),
    stream: streamFlag(),
  })
  .meta({
    id: 'GenerateRequest',
    examples: [{ topic: 'How refunds work', format: 'blog post', voice: 'warm' }],
  });

export const generation = z
  .strictObject({
    generation_id: id(),
    content: z.string().describe('[n] points at the citation with that n'),
    ...writtenShape,
    learned_from: z.array(id()).describe('The feedback that the model was shown'),
  })
  .meta({ id: 'Generation' });

export type Generation = z.output<typeof generation>;

export const storedGeneration = generation
  .extend({ topic: z.string(), format: z.string(), voice: z.string(), created_at: z.iso.datetime() })
  .meta({ id: 'StoredGeneration' });

const score = () =>
  z
    .number({ error: 'must be a number from 0 to 10' })
    .min(0, 'must be a number from 0 to 10')
    .max(10, 'must be a number from 0 to 10');

export const feedbackRequest = z
  .strictObject({
    generation_id: id(),
    business_id: businessId().optional(),
    human_approved: z.boolean({ error: 'must be true or false' }),
    human_score: score(),
    human_feedback: text(4_000).default('').describe('Why: what was rejected teaches nothing without it'),
  })
  .meta({
    id: 'FeedbackRequest',
    examples: [
      {
        generation_id: '01a2073a-5b1c-7c3e-8f4d-2a6b7c8d9e0f',
        human_approved: true,
        human_score: 8,
        human_feedback: 'Crisp.',
      },
    ],
  });

export const feedbackResponse = z.strictObject({ feedback_id: id() }).meta({ id: 'FeedbackResponse' });

export const generationId = z.strictObject({ id: id() });
export const business = z.strictObject({ business_id: businessId() });

export const statsQuery = z.strictObject({ content_type: contentType().optional() });

export const learningStats = z
  .strictObject({
    business_id: z.string(),
    content_type: z.string().nullable().describe('null: of all content types'),
    generations: z.number().int(),
    with_feedback: z.number().int(),
    approved: z.number().int(),
    approval_rate: z.number().nullable().describe('Of those with feedback, from 0 to 1'),
    score: z.strictObject({
      mean: z.number().nullable(),
      ci95: z
        .tuple([z.number(), z.number()])
        .nullable()
        .describe('Student’s t; null for fewer than two scores'),
      trend: z
        .number()
        .nullable()
        .describe('By how much the score rises from one judged generation to the next'),
    }),
    learned: z.strictObject({
      generations: z.number().int().describe('Those whose model was shown feedback'),
      score_mean_with: z.number().nullable(),
      score_mean_without: z.number().nullable(),
    }),
  })
  .meta({ id: 'LearningStats' });

export type LearningStats = z.output<typeof learningStats>;
