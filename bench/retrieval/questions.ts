import { readFileSync } from 'node:fs';

/** The dev set is for tuning and the report set for the published figures: no passage serves both. */
export type QuestionSet = 'dev' | 'report';

export interface Question {
  id: string;
  /** `<package>/<path>`, the id of a manual in the corpus. */
  document: string;
  /** Occurs exactly once in the document and in no other: the chunk that contains it answers the question. */
  passage: string;
  question: string;
}

export interface Unanswerable {
  id: string;
  set: QuestionSet;
  /** Near ones name packages of the corpus, far ones have nothing to do with it. */
  distance: 'far' | 'near';
  question: string;
}

export function questions(set: QuestionSet): Question[] {
  return read(`questions.${set}.json`) as Question[];
}

export function unanswerable(set: QuestionSet): Unanswerable[] {
  const all = read('questions.unanswerable.json') as Unanswerable[];
  return all.filter((question) => question.set === set);
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
}
