import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { beginningOf } from '../../kernel/beginning.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { type Degradation, degradationOf } from '../search/degradations.js';
import { type Found, Search, type SearchResult } from '../search/search.service.js';
import { DIFFICULTIES, keysFor, QUESTIONS, type Wanted } from './question.js';
import { QuestionsRepository } from './questions.repository.js';
import { type FoundBy, type Job, type Suggestion, suggestionOf } from './suggestion.js';

/** The stored questions for a job, the best first. */
export interface Chosen {
  suggestions: Suggestion[];
  /** What the best of them were found by. */
  retrieval: Exclude<FoundBy, 'generated'> | 'none';
  because: Degradation[];
  /** Whether each was checked against the database. */
  verified: boolean;
}

// A job description says what it is about at its beginning; the rest is about whoever offers it.
const QUERY_CHARACTERS_MAX = 4_000;
// A question is one passage as a rule. A long one is several.
const hitsFor = (count: number) => 2 * count + 10;

/**
 * Chooses among the stored questions for a role and of a difficulty: by vectors and words, by words alone where the vectors
 * are away, and where that finds too few, by how often they were suggested.
 */
@Injectable()
export class Candidates {
  constructor(
    private readonly search: Search,
    private readonly repository: QuestionsRepository,
  ) {}

  /** @throws DependencyError of the database, when the index alone cannot answer either */
  async choose(businessId: string, job: Job, wanted: Wanted, count: number): Promise<Chosen> {
    const {
      retrieval,
      degraded_because: because,
      hits,
      verified,
    } = await this.find(businessId, job, wanted, count);
    const scores = scoresOf(hits);
    if (!verified) {
      const suggestions = [...scores.values()].flatMap((hit) => fromIndex(hit, job));
      return { suggestions: suggestions.slice(0, count), retrieval, because, verified };
    }
    const fitting = await this.repository.fitting(businessId, wanted, [...scores.keys()]);
    const matched: Suggestion[] = [];
    for (const [id, { score }] of scores) {
      const question = fitting.get(id);
      if (question !== undefined && retrieval !== 'none')
        matched.push(suggestionOf(question, retrieval, score, job));
    }
    const suggestions = matched.slice(0, count);
    const more = await this.popular(businessId, job, wanted, suggestions, count);
    return {
      suggestions: [...suggestions, ...more.suggestions],
      retrieval: suggestions.length > 0 ? retrieval : more.suggestions.length > 0 ? 'popular' : 'none',
      because: [...because, ...more.because],
      verified,
    };
  }

  /** Nearest first. A search that fails finds nothing, and the database is asked in a cheaper way. */
  private async find(
    businessId: string,
    { role, description }: Job,
    wanted: Wanted,
    count: number,
  ): Promise<SearchResult> {
    const query = beginningOf(`${role}. ${description}`, QUERY_CHARACTERS_MAX);
    const filter = {
      roles: keysFor(wanted.role),
      ...(wanted.difficulty !== undefined && { difficulty: wanted.difficulty }),
    };
    try {
      return await this.search.find(
        query,
        'hybrid',
        { businessId, collection: QUESTIONS, filter },
        hitsFor(count),
      );
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      const because = [degradationOf(error)];
      return { hits: [], retrieval: 'none', degraded_because: because, verified: true };
    }
  }

  /** @throws DependencyError when nothing was chosen before; what was is worth giving alone */
  private async popular(
    businessId: string,
    job: Job,
    wanted: Wanted,
    chosen: readonly Suggestion[],
    count: number,
  ): Promise<{ suggestions: Suggestion[]; because: Degradation[] }> {
    if (chosen.length >= count) return { suggestions: [], because: [] };
    const except = chosen.map((suggestion) => suggestion.question_id);
    try {
      const found = await this.repository.popular(businessId, wanted, except, count - chosen.length);
      return {
        suggestions: found.map((question) => suggestionOf(question, 'popular', 0, job)),
        because: [],
      };
    } catch (error) {
      if (chosen.length === 0 || !(error instanceof DependencyError)) throw error;
      return { suggestions: [], because: [degradationOf(error)] };
    }
  }
}

/** The best hit of each document, the best first. */
function scoresOf(hits: readonly Found[]): Map<string, Found> {
  const best = new Map<string, Found>();
  for (const hit of hits) if (!best.has(hit.document_id)) best.set(hit.document_id, hit);
  return best;
}

// What `documentOf` put there: the index holds it as well.
const facts = z
  .object({
    question: z.string(),
    category: z.string(),
    difficulty: z.enum(DIFFICULTIES),
    required_skills: z.array(z.string()),
    compatible_roles: z.array(z.string()),
  })
  .and(
    z.discriminatedUnion('source', [
      z.object({ source: z.literal('stored'), model: z.null() }),
      z.object({ source: z.literal('generated'), model: z.string() }),
    ]),
  );

/** While the database is away: what the index says of a question. A document that is no question says nothing. */
function fromIndex({ document_id: id, metadata, score }: Found, job: Job): Suggestion[] {
  const { success, data } = facts.safeParse(metadata);
  if (!success) return [];
  return [suggestionOf({ ...data, id, text: data.question }, 'vector', score, job)];
}
