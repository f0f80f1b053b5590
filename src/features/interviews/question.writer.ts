import type { Degradation } from '../search/degradations.js';
import type { Difficulty, NewQuestion } from './question.js';

/** What is asked of a writer. */
export interface QuestionWish {
  jobDescription: string;
  role: string;
  /** Undefined: of any. */
  difficulty: Difficulty | undefined;
  /** How many, at most. */
  count: number;
  /** The texts of questions that there are already, which are not to be written again. */
  existing: readonly string[];
}

/** What came of it: questions that were checked, or why there are none. */
export type Written =
  { at: 'written'; drafts: NewQuestion[]; model: string } | { at: 'none'; because: Degradation[] };

/** Writes new questions for interviews. */
export abstract class QuestionWriter {
  /** Within the deadline that it is called under. That no model answers is no error: it is said in what comes back. */
  abstract write(wish: QuestionWish): Promise<Written>;
}
