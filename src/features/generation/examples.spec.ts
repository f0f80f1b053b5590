import { asHistory, chooseExamples, type Judged } from './examples.js';

const judged = (id: string, more: Partial<Judged> = {}): Judged => ({
  feedback_id: id,
  topic: 'Winter oil',
  content: `Text ${id}`,
  approved: true,
  score: 5,
  comment: '',
  ...more,
});
const ids = (chosen: readonly Judged[]) => chosen.map(({ feedback_id: id }) => id);

describe('chooseExamples', () => {
  it('takes the best three that were approved, and two that were rejected with a reason', () => {
    const all = [
      ...[1, 9, 5, 7].map((score) => judged(`a${score}`, { score })),
      ...[1, 4, 3].map((score) => judged(`r${score}`, { approved: false, score, comment: 'Too long.' })),
      judged('silent', { approved: false, score: 0 }),
    ];
    expect(ids(chooseExamples('Winter oil', all))).toEqual(['a9', 'a7', 'a5', 'r1', 'r3']);
  });

  it('prefers what is about the same, and what was said lately', () => {
    const alike = [judged('other', { topic: 'Fog horns' }), judged('same', { topic: 'Oil in winter' })];
    expect(ids(chooseExamples('Winter oil', alike))[0]).toBe('same');
    expect(ids(chooseExamples('Winter oil', [judged('new'), judged('old')]))).toEqual(['new', 'old']);
  });

  it('is the same for the same feedback, whenever it is asked', () => {
    const all = Array.from({ length: 50 }, (_, i) =>
      judged(String(i), { score: (i * 7) % 11, approved: i % 3 > 0, comment: i % 2 > 0 ? 'So.' : '' }),
    );
    expect(chooseExamples('Oil', all)).toEqual(chooseExamples('Oil', structuredClone(all)));
  });

  it('has none where nobody has said anything', () => {
    expect(chooseExamples('Oil', [])).toEqual([]);
    expect(asHistory([])).toEqual([]);
  });
});

describe('asHistory', () => {
  it('ends with the best, and says of each what people thought of it', () => {
    const turns = asHistory([
      judged('best', { score: 9, comment: 'Crisp.' }),
      judged('bad', { approved: false, score: 2, comment: 'Too long.' }),
    ]);
    expect(turns.map(({ content }) => content)).toEqual([
      'Topic: Winter oil',
      'Text bad',
      'Rejected by the reviewer, 2 of 10. The reviewer said: Too long. Do not make this mistake again.',
      'Understood.',
      'Topic: Winter oil',
      'Text best',
      'Approved by the reviewer, 9 of 10. The reviewer said: Crisp. Keep what made it good.',
      'Understood.',
    ]);
  });
});
