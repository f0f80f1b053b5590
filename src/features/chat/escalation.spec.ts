import { reasonToEscalate } from './escalation.js';
import type { IntentName } from './intent.js';

const judged = (name: IntentName, confidence = 0.9, needsPerson = false) => ({
  intent: { name, confidence, by: 'model' as const },
  needsPerson,
});

describe('reasonToEscalate', () => {
  it.each([
    ['somebody asks for a person', judged('request_human'), 0, 'requested'],
    ['the model says so', judged('complaint', 0.9, true), 0, 'model'],
    ['a second question in a row finds no answer', judged('question'), 2, 'repeated_failure'],
    ['nobody knows what is wanted', judged('other', 0.2), 0, 'low_confidence'],
    ['one question finds no answer', judged('question'), 1, undefined],
    ['all is well', judged('question'), 0, undefined],
  ])('when %s', (_when, judgement, unanswered, reason) => {
    expect(reasonToEscalate(judgement, unanswered)).toBe(reason);
  });
});
