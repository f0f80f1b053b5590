import { draftsIn } from './drafts.js';
import type { QuestionWish } from './question.writer.js';

const wish = (overrides: Partial<QuestionWish> = {}): QuestionWish => ({
  jobDescription: 'Keep the lamp.',
  role: 'Keeper',
  difficulty: undefined,
  count: 10,
  existing: [],
  ...overrides,
});
const question = (text: string, overrides: object = {}) => ({
  text,
  category: 'Lamps',
  difficulty: 'easy',
  required_skills: ['trimming'],
  ...overrides,
});
const [WICK, OIL] = [question('How is a wick trimmed?'), question('Which oil burns cleanest?')];
const texts = (text: string, overrides?: Partial<QuestionWish>) =>
  draftsIn(text, wish(overrides)).map((draft) => draft.text);

describe('The questions in what a model wrote', () => {
  it.each<[what: string, text: string]>([
    ['an object', JSON.stringify({ questions: [WICK, OIL], basis: [1] })],
    ['a list', JSON.stringify([WICK, OIL], undefined, 2)],
    ['lines', `${JSON.stringify(WICK)}\n${JSON.stringify(OIL)}`],
    ['a fence with words around it', `Sure!\n\`\`\`json\n${JSON.stringify([WICK, OIL])}\n\`\`\`\nMore? {`],
  ])('are found in %s', (_what, text) => expect(texts(text)).toEqual([WICK.text, OIL.text]));

  it('are for the role that was asked for, whatever the model says', () => {
    const text = JSON.stringify({ ...WICK, compatible_roles: ['Pirate'], source: 'stored', extra: 1 });
    expect(draftsIn(text, wish())).toEqual([{ ...WICK, compatible_roles: ['Keeper'] }]);
  });

  it('are those that are whole when it was cut off', () => {
    const text = JSON.stringify({ questions: [WICK, OIL] });
    expect(texts(text.slice(0, -10))).toEqual([WICK.text]);
  });

  it.each<[what: string, bad: object]>([
    ['has no text', question('')],
    ['is too short to ask anything', question('Why?')],
    ['is too long', question('x'.repeat(2_001))],
    ['holds U+0000', question('How is a \u0000 trimmed?')],
    ['is half a surrogate pair', question('How is a \ud800 trimmed?')],
    ['has an unknown difficulty', question('How is a lens ground?', { difficulty: 'extreme' })],
    ['has no category', question('How is a lens ground?', { category: undefined })],
    ['has too many skills', question('How is a lens ground?', { required_skills: Array(21).fill('x') })],
    ['is text of another kind', question('How is a lens ground?', { text: 7 })],
  ])('are without one that %s', (_what, bad) =>
    expect(texts(JSON.stringify([bad, OIL]))).toEqual([OIL.text]),
  );

  it('are of the difficulty that was asked for, in any case', () => {
    const hard = question('How is a lens ground?', { difficulty: 'Hard' });
    expect(texts(JSON.stringify([WICK, hard]), { difficulty: 'hard' })).toEqual([hard.text]);
  });

  it('are none that there are already, or twice', () => {
    const again = question('how is a  wick trimmed ?!');
    expect(texts(JSON.stringify([again, OIL, OIL]), { existing: [WICK.text] })).toEqual([OIL.text]);
  });

  it('are no more than were asked for', () => {
    expect(texts(JSON.stringify([WICK, OIL]), { count: 1 })).toEqual([WICK.text]);
  });

  it.each(['', 'No.', '{', '{}', '{"text":', 'null', '{'.repeat(100_000), '{"a":"'.repeat(10_000)])(
    'are none in %.20j',
    (text) => expect(texts(text)).toEqual([]),
  );
});
