import type { Passage } from './llm.js';
import { quote } from './quotation.js';
import { sentencesOf } from './sentences.js';

describe('quote', () => {
  const passage = (n: number, text: string, title = ''): Passage => ({ n, title, text });

  it('says nothing that is not a sentence of a passage that it cites', () => {
    const passages = [
      passage(
        1,
        'The lamp burns colza oil. The keeper trims the wick every four hours. Nobody else may enter.',
      ),
      passage(2, 'In fog the keeper sounds the horn twice a minute. The horn is driven by compressed air.'),
    ];
    for (const question of [
      'What does the lamp burn?',
      'When does the keeper sound the horn?',
      'keeper wick fog horn lamp',
    ]) {
      const { text, cited } = quote(question, passages);
      expect(text).not.toBe('');
      for (const quoted of text.split('\n\n')) {
        const [, sentence, k] = /^(.*) \[(\d+)\]$/s.exec(quoted)!;
        expect(sentencesOf(passages[cited[Number(k) - 1]! - 1]!.text)).toContain(sentence);
      }
    }
  });

  it('quotes the sentence that answers rather than one that merely stands beside it', () => {
    const passages = [
      passage(1, 'The lamp is cleaned on Mondays. The lamp burns colza oil. The tower is white and tall.'),
    ];
    expect(quote('Which oil does the lamp burn?', passages).text.split('\n\n')[0]).toBe(
      'The lamp burns colza oil. [1]',
    );
  });

  it('prefers the passage that was found to be better, when two say the same', () => {
    const same = 'The lamp burns colza oil in winter.';
    const { cited } = quote('What does the lamp burn?', [
      passage(2, same),
      passage(1, 'The lamp is white and tall.'),
    ]);
    expect(cited[0]).toBe(2);
  });

  it.each([
    ['only one of its words is spoken of', 'What salary does a lighthouse inspector earn in Norway?'],
    [
      'only a few of its many words are',
      'Which pension, insurance, salary, uniform, holidays and travel does a Norwegian lighthouse cat keeper union demand?',
    ],
    ['it asks nothing', 'Is it of the that?'],
    ['it is made of marks', '??? !!!'],
  ])('has nothing to say to a question when %s', (_when, question) => {
    const passages = [passage(1, 'The keeper of the lighthouse has a cat. The cat sleeps all day long.')];
    expect(quote(question, passages)).toEqual({ text: '', cited: [] });
  });

  it('quotes three sentences at most, and no code', () => {
    const passages = [
      passage(
        1,
        'The horn sounds in fog at noon. \n\n```\nhorn fog horn fog horn fog\n```\n\nThe horn sounds in fog at dawn. The horn sounds in fog at dusk. The horn sounds in fog at night.',
      ),
    ];
    const { text } = quote('When does the horn sound in fog?', passages);
    expect(text.split('\n\n').length).toBeLessThanOrEqual(3);
    expect(text).not.toContain('horn fog horn');
  });
});
