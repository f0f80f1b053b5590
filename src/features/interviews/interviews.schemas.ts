import { z } from 'zod';
import { businessId, count, cursor, id, limit, nonBlank } from '../../http/fields.js';
import { metadata } from '../../http/metadata.js';
import { oneOrMany } from '../../http/one-or-many.js';
import { degradation } from '../search/search.schemas.js';
import { DIFFICULTIES } from './question.js';

const ROLE_CHARACTERS_MAX = 200;
const DESCRIPTION_CHARACTERS_MAX = 50_000;
const QUESTIONS_AT_ONCE = 100;

const role = () => nonBlank(ROLE_CHARACTERS_MAX);
const description = () => nonBlank(DESCRIPTION_CHARACTERS_MAX);
const difficulty = () => z.enum(DIFFICULTIES, { error: `must be one of ${DIFFICULTIES.join(', ')}` });
const terms = (max: number) =>
  z
    .array(nonBlank(ROLE_CHARACTERS_MAX), { error: 'must be a list of texts' })
    .max(max, `must have at most ${max} entries`);

export const newJobDescription = z
  .strictObject({
    job_description: description(),
    role: role(),
    metadata: metadata().default({}),
    business_id: businessId().optional(),
  })
  .meta({
    id: 'NewJobDescription',
    examples: [
      {
        job_description: 'We look for an engineer who keeps our PostgreSQL clusters fast and writes Go.',
        role: 'Backend Engineer',
      },
    ],
  });

export const jobAccepted = z.strictObject({ job_id: id() }).meta({ id: 'JobAccepted' });

export const jobDescriptionView = z
  .strictObject({
    job_id: id(),
    job_description: z.string(),
    role: z.string(),
    metadata: z.record(z.string(), z.unknown()),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'JobDescription' });

export const byId = z.strictObject({ id: id() });

const question = {
  text: nonBlank(2_000),
  category: nonBlank(100),
  difficulty: difficulty(),
  required_skills: terms(50).default([]),
  compatible_roles: terms(50)
    .default([])
    .describe('The roles that it may be put to, compared in any case; empty: every role'),
};

export const newQuestion = z.strictObject({ ...question, business_id: businessId().optional() }).meta({
  id: 'NewQuestion',
  examples: [
    {
      text: 'How would you find out why a query has become slow?',
      category: 'Databases',
      difficulty: 'medium',
      required_skills: ['PostgreSQL'],
      compatible_roles: ['Backend Engineer', 'Database Administrator'],
    },
  ],
});

/** One question, or a list of them. */
export const newQuestions = oneOrMany(newQuestion, QUESTIONS_AT_ONCE);

export const questionsAccepted = z
  .strictObject({
    question_ids: z.array(id()).describe('In the order in which they were sent'),
    question_id: id().optional().describe('Where there is one'),
    total_questions: z.number().int(),
  })
  .meta({ id: 'QuestionsAccepted' });

export const questionView = z
  .strictObject({
    id: id(),
    text: z.string(),
    category: z.string(),
    difficulty: difficulty(),
    required_skills: z.array(z.string()),
    compatible_roles: z.array(z.string()),
    source: z.enum(['stored', 'generated']).describe('generated: a model wrote it'),
    model: z.string().nullable().describe('The model that wrote it; null where somebody sent it'),
    times_suggested: z.number().int().describe('For how many jobs'),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Question' });

export const questionsQuery = z.strictObject({
  limit: limit(50, 200),
  cursor: cursor().optional(),
  category: nonBlank(100).optional(),
  difficulty: difficulty().optional(),
  role: role().optional(),
  skill: nonBlank(ROLE_CHARACTERS_MAX).optional(),
  source: z.enum(['stored', 'generated'], { error: 'must be stored or generated' }).optional(),
  business_id: businessId().optional(),
});

export const questionsPage = z.strictObject({
  data: z.array(questionView),
  next_cursor: z.string().nullable(),
});

export const suggestionsRequest = z
  .strictObject({
    job_description: description().optional(),
    job_id: id().optional().describe('Of a job description that was stored, instead of the description'),
    role: role().optional().describe('May be left out with job_id: the role of the job description then'),
    difficulty: difficulty().optional(),
    count: count(10, 50),
    business_id: businessId().optional(),
  })
  .superRefine(({ job_description: text, job_id: job, role: wanted }, context) => {
    const wrong = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (text === undefined && job === undefined)
      wrong('job_description', 'is missing: send job_description or job_id');
    if (text !== undefined && job !== undefined)
      wrong('job_id', 'must not be sent beside job_description: send one of the two');
    if (wanted === undefined && job === undefined)
      wrong('role', 'is missing: it may be left out beside job_id only');
  })
  .meta({
    id: 'SuggestionsRequest',
    examples: [
      {
        job_description: 'We look for an engineer who keeps our PostgreSQL clusters fast and writes Go.',
        role: 'Backend Engineer',
        difficulty: 'medium',
        count: 5,
      },
    ],
  });

export const suggestionsResponse = z
  .strictObject({
    job_id: id()
      .nullable()
      .describe('null while the database is away and the description could not be stored'),
    suggestions: z.array(
      z.strictObject({
        question_id: id(),
        text: z.string(),
        category: z.string(),
        difficulty: difficulty(),
        required_skills: z.array(z.string()),
        compatible_roles: z.array(z.string()),
        score: z
          .number()
          .describe(
            'Likeness to the job description, comparable within one answer; 0 where it was not measured',
          ),
        source: z.enum(['stored', 'generated']).describe('generated: a model wrote it, now or earlier'),
        found_by: z.enum(['hybrid', 'vector', 'keyword', 'popular', 'generated']),
        reason: z.string().describe('Why it is suggested'),
      }),
    ),
    total_questions: z.number().int(),
    retrieval: z
      .enum(['hybrid', 'vector', 'keyword', 'popular', 'none'])
      .describe('What the best of the stored ones were found by; none: there were none'),
    degraded_because: z.array(degradation),
    verified: z.boolean().describe('Whether each was checked against the database'),
  })
  .meta({ id: 'SuggestionsResponse' });
