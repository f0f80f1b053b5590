import { mentions } from '../search/mentions.js';
import type { NewQuestion, Origin } from './question.js';

/** What a suggestion was found by. `generated`: it was written for this request. */
export type FoundBy = 'hybrid' | 'vector' | 'keyword' | 'popular' | 'generated';

/** A question as it is suggested: `times_suggested` is undefined where only the index could be asked. */
export type Suggestible = NewQuestion & Origin & { id: string; times_suggested?: number };

export interface Suggestion {
  question_id: string;
  text: string;
  category: string;
  difficulty: NewQuestion['difficulty'];
  required_skills: string[];
  compatible_roles: string[];
  /** How near it is to the job description; 0 where that was not measured. */
  score: number;
  source: Origin['source'];
  found_by: FoundBy;
  reason: string;
}

/** What the suggestions are for. */
export interface Job {
  role: string;
  description: string;
}

export function suggestionOf(question: Suggestible, foundBy: FoundBy, score: number, job: Job): Suggestion {
  const { id, text, category, difficulty, required_skills, compatible_roles, source } = question;
  return {
    question_id: id,
    text,
    category,
    difficulty,
    required_skills,
    compatible_roles,
    score,
    source,
    found_by: foundBy,
    reason: reasonFor(question, foundBy, job),
  };
}

/** Why it is suggested, from what is known of it and nothing else. */
function reasonFor(question: Suggestible, foundBy: FoundBy, { role, description }: Job): string {
  const named = question.required_skills.filter((skill) => mentions(description, skill));
  const parts = [
    HOW[foundBy](question),
    ...(named.length === 0 ? [] : [`asks for ${listed(named)}, which the job description names`]),
    question.compatible_roles.length === 0 ? 'for every role' : `for the role ${role}`,
    ...(question.source === 'generated' && foundBy !== 'generated'
      ? [`written by the model ${question.model}`]
      : []),
  ];
  return `${parts.join('; ')}.`;
}

const HOW: Record<FoundBy, (question: Suggestible) => string> = {
  hybrid: () => 'Among the nearest to the job description by words and by vectors',
  vector: () => 'Among the nearest to the job description by vectors',
  keyword: () => 'Shares words with the job description',
  popular: ({ times_suggested: times = 0 }) =>
    times === 0
      ? 'Among the newest that fit; suggested for no job yet'
      : `Suggested for ${times} ${times === 1 ? 'job' : 'jobs'} so far`,
  generated: ({ model }) => `Written by the model ${model} for this job, as there were too few`,
};

function listed(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`;
}
