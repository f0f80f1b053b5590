import type { Passage } from './llm.js';
import { sentencesOf } from './sentences.js';
import { terms } from './terms.js';

// A passage answers a question when it speaks of so large a share of what is asked about, and of so many words of it (or of
// all, where it asks about fewer). Chosen on the development questions of bench/retrieval: with less, questions far from
// the documents are answered with noise; with more, half of the others are left unanswered.
const SUPPORT_MIN = 0.45;
const TERMS_MIN = 3;
// How much any word weighs beside its rarity: six passages say little about what is rare.
const WEIGHT_BASE = 1;
const SENTENCES_MAX = 3;
// A further sentence is quoted only if it says nearly as much as the best one.
const FURTHER_SCORE_MIN = 0.6;

interface Candidate {
  passage: Passage;
  text: string;
  position: number;
}

/** What passages say to a question, in their own words. */
export interface Quotation {
  /** Empty where the passages do not cover the question. `[k]` points at the k-th of `cited`. */
  text: string;
  cited: readonly number[];
}

/**
 * Answers by quoting: the sentences of the passages that speak most of what the question asks about. It needs no model,
 * is never down, and never says what no document says.
 */
export function quote(question: string, passages: readonly Passage[]): Quotation {
  const quoted = sentencesFor(question, passages);
  const cited = [...new Set(quoted.map(({ passage }) => passage.n))];
  const text = quoted.map(({ text: sentence, passage }) => `${sentence} [${cited.indexOf(passage.n) + 1}]`);
  return { text: text.join('\n\n'), cited };
}

function sentencesFor(question: string, passages: readonly Passage[]): Candidate[] {
  const asked = [...new Set(terms(question))];
  if (asked.length === 0) return [];
  const about = new Map(passages.map((p) => [p, new Set(terms(`${p.title} ${p.text}`))]));
  const weights = weigh(asked, [...about.values()]);
  const supporting = passages.filter((p) => supports(about.get(p)!, weights));
  const scored = supporting
    .flatMap((passage) =>
      sentencesOf(passage.text).map((text, position) => {
        const candidate: Candidate = { passage, text, position };
        return { candidate, score: share(new Set(terms(text)), weights) };
      }),
    )
    .filter(({ score }) => score > 0)
    // The passages come best first, and the order is kept among equals.
    .toSorted((a, b) => b.score - a.score);
  return scored
    .slice(0, SENTENCES_MAX)
    .filter(({ score }) => score >= FURTHER_SCORE_MIN * scored[0]!.score)
    .map(({ candidate }) => candidate)
    .toSorted((a, b) => a.passage.n - b.passage.n || a.position - b.position);
}

function supports(spoken: ReadonlySet<string>, weights: ReadonlyMap<string, number>): boolean {
  const known = [...weights.keys()].filter((term) => spoken.has(term)).length;
  return known >= Math.min(TERMS_MIN, weights.size) && share(spoken, weights) >= SUPPORT_MIN;
}

/** Rare words weigh more (inverse document frequency over the passages); what no passage knows weighs most. */
function weigh(
  asked: readonly string[],
  passages: readonly ReadonlySet<string>[],
): ReadonlyMap<string, number> {
  return new Map(
    asked.map((term) => {
      const holding = passages.filter((p) => p.has(term)).length;
      return [term, WEIGHT_BASE + Math.log(1 + passages.length / (1 + holding))];
    }),
  );
}

/** From 0 to 1: how much of what is asked about is spoken of. */
function share(spoken: ReadonlySet<string>, weights: ReadonlyMap<string, number>): number {
  let covered = 0;
  let all = 0;
  for (const [term, weight] of weights) {
    all += weight;
    if (spoken.has(term)) covered += weight;
  }
  return covered / all;
}
