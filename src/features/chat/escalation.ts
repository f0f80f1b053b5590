import type { Judgement } from './intent.js';

/** Why a conversation is for a person. */
export type EscalationReason = 'requested' | 'model' | 'repeated_failure' | 'low_confidence';

// A model that is less sure than this what is wanted does not know.
const CONFIDENCE_MIN = 0.35;
const FAILURES_MAX = 2;

/**
 * Whether a person is to look at a conversation, and why.
 * @param unanswered how many replies in a row, this one included, found no answer
 */
export function reasonToEscalate(
  { intent, needsPerson }: Judgement,
  unanswered: number,
): EscalationReason | undefined {
  if (intent.name === 'request_human') return 'requested';
  if (needsPerson) return 'model';
  if (unanswered >= FAILURES_MAX) return 'repeated_failure';
  return intent.confidence < CONFIDENCE_MIN ? 'low_confidence' : undefined;
}
