import { byRules, readJudgement } from './intent.js';

describe('byRules', () => {
  it.each([
    ['I want to speak to a human', 'request_human'],
    ['Can you put me through to someone from support?', 'request_human'],
    ['agent!', 'request_human'],
    ['This is unacceptable, I want a refund.', 'complaint'],
    ['What does the lamp burn?', 'question'],
    ['how do I trim the wick', 'question'],
    ['Hello there', 'greeting'],
    ['Hello, what does the lamp burn?', 'question'],
    ['Thank you very much!', 'thanks'],
    ['The lamp went out last night.', 'other'],
    ['', 'other'],
  ])('takes %j for: %s', (content, name) => {
    expect(byRules(content)).toMatchObject({ name, by: 'rules' });
  });

  it('takes no longer for what is made to take long', () => {
    const startedMs = performance.now();
    byRules('talk '.repeat(20_000));
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

describe('readJudgement', () => {
  it('reads what a model was asked to say, whatever it says around it', () => {
    const judgement = { intent: { name: 'complaint', confidence: 0.8, by: 'model' }, needsPerson: false };
    const json = '{"intent": "complaint", "confidence": 0.8, "needs_person": false}';
    for (const text of [json, `\`\`\`json\n${json}\n\`\`\``, `Sure: ${json}.`])
      expect(readJudgement(text)).toEqual(judgement);
    expect(readJudgement('{"intent": "question", "confidence": 1}')).toMatchObject({ needsPerson: false });
  });

  it.each([
    '',
    'question',
    '{"intent": "revolution", "confidence": 1}',
    '{"intent": "question"}',
    '{"intent',
  ])('takes nothing from %j', (text) => expect(readJudgement(text)).toBeUndefined());
});
