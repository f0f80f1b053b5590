import { createHash } from 'node:crypto';
import { beginningOf } from '../../kernel/beginning.js';
import type { Submission } from '../knowledge/document.writer.js';

/** The collection of documents that questions are kept in. */
export const QUESTIONS = 'questions';

export const DIFFICULTIES = ['easy', 'medium', 'hard'] as const;
export type Difficulty = (typeof DIFFICULTIES)[number];

/** A question as it comes in. */
export interface NewQuestion {
  text: string;
  category: string;
  difficulty: Difficulty;
  required_skills: string[];
  /** Whom it may be put to; empty: whoever comes. */
  compatible_roles: string[];
}

/** Who wrote a question: somebody who sent it, or a model. */
export type Origin = { source: 'stored'; model: null } | { source: 'generated'; model: string };

/** What questions are chosen by. */
export interface Wanted {
  role: string;
  difficulty: Difficulty | undefined;
}

/** Stands for every role. */
const ANY_ROLE = '*';
const TITLE_CHARACTERS_MAX = 500;

/** The roles as they are compared: in any case, with any blanks. */
export function roleKeys(roles: readonly string[]): string[] {
  const keys = roles.map(plain).filter((role) => role !== '');
  return keys.length === 0 ? [ANY_ROLE] : [...new Set(keys)];
}

/** Any of these among a question's keys makes it one for the role. */
export function keysFor(role: string): string[] {
  return [plain(role), ANY_ROLE];
}

/** Two texts of the same key are the same question: case, blanks and punctuation make no other one of it. */
export function textKey(text: string): string {
  const words = text.toLowerCase().match(/[\p{L}\p{M}\p{N}+#]+/gu) ?? [text];
  return createHash('sha256').update(words.join(' ')).digest('hex');
}

/** The question as a document, which is found by what it asks, its category and its skills. */
export function documentOf(question: NewQuestion, origin: Origin): Submission {
  const { text, category, difficulty, required_skills: skills, compatible_roles: roles } = question;
  return {
    title: beginningOf(text.replaceAll(/\s+/g, ' ').trim(), TITLE_CHARACTERS_MAX),
    content: [text, `${category}${skills.length === 0 ? '' : `: ${skills.join(', ')}`}`].join('\n\n'),
    contentType: 'text/plain',
    collection: QUESTIONS,
    metadata: {
      question: text,
      category,
      difficulty,
      required_skills: skills,
      compatible_roles: roles,
      roles: roleKeys(roles),
      ...origin,
    },
  };
}

function plain(role: string): string {
  return role.trim().toLowerCase().replaceAll(/\s+/g, ' ');
}
