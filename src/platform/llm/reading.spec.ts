import { Reading } from './reading.js';

const PASSAGES = [{ n: 7, title: 'Lamp', text: 'The lamp burns oil.' }];
const promptOf = (mustCite: boolean) => ({ instructions: '', question: '', passages: PASSAGES, mustCite });

/** What a reader is shown of a text in these pieces, who has a draft. */
function shown(pieces: readonly string[], { draft = { text: '' }, mustCite = false } = {}) {
  const reading = new Reading(promptOf(mustCite), draft);
  const all = [...pieces.map((piece) => reading.push(piece)), reading.end()];
  return { shown: all.filter((one) => one !== undefined), cited: reading.cited, draft };
}

describe('Reading', () => {
  it('begins once, and keeps the draft up to date', () => {
    expect(shown(['The lamp ', 'burns oil. [7]'])).toEqual({
      shown: [
        { opening: 'begin', text: 'The lamp' },
        { opening: undefined, text: ' burns oil.' },
        { opening: undefined, text: ' [1]' },
      ],
      cited: [7],
      draft: { text: 'The lamp burns oil. [1]' },
    });
  });

  it('shows nothing of a text that has to cite before it does', () => {
    expect(shown(['The lamp burns ', 'oil. [7] It ', 'is red.'], { mustCite: true }).shown[0]).toEqual({
      opening: 'begin',
      text: 'The lamp burns oil. [1] It',
    });
    expect(shown(['Nobody ', 'knows.'], { mustCite: true })).toMatchObject({
      shown: [],
      draft: { text: '' },
    });
  });

  it('goes on behind what its reader has where it says the same', () => {
    const draft = { text: 'The lamp' };
    expect(shown(['The lamp ', 'burns oil.'], { draft })).toMatchObject({
      shown: [
        { opening: 'switch', text: ' burns' },
        { opening: undefined, text: ' oil.' },
      ],
      draft: { text: 'The lamp burns oil.' },
    });
  });

  it.each([
    ['says something else', ['A lamp ', 'burns oil.'], 'A lamp burns oil.'],
    ['stops earlier', ['The'], 'The'],
  ])('begins anew where it %s', (_what, pieces, text) => {
    const read = shown(pieces, { draft: { text: 'The lamp' } });
    expect(read.shown[0]!.opening).toBe('restart');
    expect(read.draft).toEqual({ text });
  });
});
