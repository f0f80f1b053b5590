import { terms } from '../../platform/llm/terms.js';
import type { Turn } from '../../platform/llm/llm.js';

/** A generation of a model, and what people said of it last. */
export interface Judged {
  feedback_id: string;
  topic: string;
  content: string;
  approved: boolean;
  /** From 0 to 10. */
  score: number;
  comment: string;
}

const APPROVED_MAX = 3;
const REJECTED_MAX = 2;
const CONTENT_CHARACTERS_MAX = 1_500;
const COMMENT_CHARACTERS_MAX = 500;
// How much each counts: what people thought of it, whether it is about the same, and how lately it was said.
const WEIGHT = { score: 0.5, likeness: 0.3, recency: 0.2 };

/**
 * What a model is shown of earlier generations: the best that were approved, and of those that were rejected the ones of
 * which somebody said why. The same feedback and the same topic always make the same choice: how long ago something was
 * said does not count, only how many things were said since.
 * @param judged the newest first
 */
export function chooseExamples(topic: string, judged: readonly Judged[]): Judged[] {
  const about = new Set(terms(topic));
  const ranked = judged.map((one, age) => ({ one, worth: worthOf(one, age, judged.length, about) }));
  const best = (wanted: (one: Judged) => boolean, max: number) =>
    ranked
      .filter(({ one }) => wanted(one))
      .toSorted((a, b) => b.worth - a.worth || (a.one.feedback_id < b.one.feedback_id ? -1 : 1))
      .slice(0, max)
      .map(({ one }) => one);
  return [
    ...best(({ approved }) => approved, APPROVED_MAX),
    ...best(({ approved, comment }) => !approved && comment.trim() !== '', REJECTED_MAX),
  ];
}

/** The examples as what was said before: the worst first, so that the best stands next to what is asked for now. */
export function asHistory(examples: readonly Judged[]): Turn[] {
  return examples.toReversed().flatMap(({ topic, content, approved, score, comment }): Turn[] => [
    { role: 'user', content: `Topic: ${topic}` },
    { role: 'assistant', content: content.slice(0, CONTENT_CHARACTERS_MAX) },
    {
      role: 'user',
      content: [
        `${approved ? 'Approved' : 'Rejected'} by the reviewer, ${score} of 10.`,
        ...(comment.trim() === '' ? [] : [`The reviewer said: ${comment.slice(0, COMMENT_CHARACTERS_MAX)}`]),
        approved ? 'Keep what made it good.' : 'Do not make this mistake again.',
      ].join(' '),
    },
    { role: 'assistant', content: 'Understood.' },
  ]);
}

function worthOf(one: Judged, age: number, count: number, about: ReadonlySet<string>): number {
  // Of what was rejected, the worst teaches most.
  const score = (one.approved ? one.score : 10 - one.score) / 10;
  const recency = 1 - age / count;
  return WEIGHT.score * score + WEIGHT.likeness * likeness(about, one.topic) + WEIGHT.recency * recency;
}

/** The share of common words among all of both (Jaccard), from 0 to 1. */
function likeness(about: ReadonlySet<string>, topic: string): number {
  const other = new Set(terms(topic));
  const common = [...about].filter((term) => other.has(term)).length;
  const all = about.size + other.size - common;
  return all === 0 ? 0 : common / all;
}
