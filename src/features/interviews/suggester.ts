import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { type Degradation, degradationOf, distinct } from '../search/degradations.js';
import { Candidates, type Chosen } from './candidates.js';
import { JobDescriptions } from './job-descriptions.service.js';
import type { Difficulty } from './question.js';
import { QuestionMaker } from './question.maker.js';
import { QuestionsRepository } from './questions.repository.js';
import { type Job, type Suggestion, suggestionOf } from './suggestion.js';

/** What is asked for: the job by its id, or as it stands here. */
export interface SuggestionRequest {
  job: { id: string; role: string | undefined } | { description: string; role: string };
  difficulty: Difficulty | undefined;
  count: number;
}

export interface Suggested {
  /** null where the description could not be stored. */
  job_id: string | null;
  suggestions: Suggestion[];
  total_questions: number;
  retrieval: Chosen['retrieval'];
  degraded_because: Degradation[];
  verified: boolean;
}

// More are not written in one go: an answer of a model has an end.
const WRITTEN_AT_ONCE = 20;

/** Suggests questions for a job: stored ones first, and new ones by a model where there are too few. */
@Injectable()
export class Suggester {
  constructor(
    private readonly jobs: JobDescriptions,
    private readonly candidates: Candidates,
    private readonly maker: QuestionMaker,
    private readonly repository: QuestionsRepository,
    private readonly database: Database,
  ) {}

  /** @throws AppError not_found for the job; DependencyError of the database, when the index alone cannot answer either */
  async suggest(
    businessId: string,
    { job: asked, difficulty, count }: SuggestionRequest,
  ): Promise<Suggested> {
    const job = await this.job(businessId, asked);
    const wanted = { role: job.role, difficulty };
    const chosen = await this.candidates.choose(businessId, job, wanted, count);
    const made = await this.more(businessId, job, difficulty, count, chosen);
    const suggestions = [...chosen.suggestions, ...made.suggestions];
    const known = 'id' in asked ? asked.id : undefined;
    const recorded = await this.record(businessId, known, job, suggestions);
    return {
      job_id: recorded.jobId,
      suggestions,
      total_questions: suggestions.length,
      retrieval: chosen.retrieval,
      degraded_because: distinct([...chosen.because, ...made.because, ...recorded.because]),
      verified: chosen.verified,
    };
  }

  private async job(businessId: string, asked: SuggestionRequest['job']): Promise<Job> {
    if (!('id' in asked)) return asked;
    const { role, description } = await this.jobs.find(businessId, asked.id);
    return { role: asked.role ?? role, description };
  }

  /** While the database is away none are written: there is nowhere to keep them. */
  private async more(
    businessId: string,
    job: Job,
    difficulty: Difficulty | undefined,
    count: number,
    { suggestions: chosen, verified }: Chosen,
  ): Promise<{ suggestions: Suggestion[]; because: Degradation[] }> {
    const missing = count - chosen.length;
    if (missing <= 0 || !verified) return { suggestions: [], because: [] };
    const { questions, because } = await this.maker.make(businessId, {
      jobDescription: job.description,
      role: job.role,
      difficulty,
      count: Math.min(missing, WRITTEN_AT_ONCE),
      existing: chosen.map(({ text }) => text),
    });
    const known = new Set(chosen.map((suggestion) => suggestion.question_id));
    const fresh = questions.filter(({ id }) => !known.has(id)).slice(0, missing);
    return {
      suggestions: fresh.map((question) =>
        suggestionOf(question, question.source === 'generated' ? 'generated' : 'popular', 0, job),
      ),
      because,
    };
  }

  /**
   * What was asked with, and what was suggested for it: what is popular is learned from that. Suggestions are worth more than
   * the record of them, which may fail.
   */
  private async record(
    businessId: string,
    known: string | undefined,
    job: Job,
    suggestions: readonly Suggestion[],
  ): Promise<{ jobId: string | null; because: Degradation[] }> {
    try {
      const jobId = await this.database.transaction(
        'note suggestions',
        async (tx) => {
          const id = known ?? (await this.jobs.rememberIn(tx, businessId, job));
          const ids = suggestions.map((suggestion) => suggestion.question_id);
          await this.repository.note(tx, businessId, id, ids);
          return id;
        },
        { businessId, idempotent: true },
      );
      return { jobId, because: [] };
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      return { jobId: known ?? null, because: [degradationOf(error)] };
    }
  }
}
