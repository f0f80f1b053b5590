import fc from 'fast-check';
import { cut, trimmed } from './splitting.js';

const pieces = (text: string, limit: number, firstLimit?: number): string[] => {
  const span = { start: 0, end: text.length };
  return [...cut(text, span, limit, firstLimit)].map(({ start, end }) => text.slice(start, end));
};

describe('trimmed', () => {
  it('takes for white space what trim takes for it', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('a', ' ', '\u00a0', '\ufeff', '\u2028', '\u0085', '\u3000', '\0'),
        }),
        (text) => {
          const span = trimmed(text, 0, text.length);
          expect(span === undefined ? '' : text.slice(span.start, span.end)).toBe(text.trim());
        },
      ),
    );
  });
});

describe('cut', () => {
  it('leaves alone what fits', () => {
    expect(pieces(' a b ', 3)).toEqual(['a b']);
  });

  it('cuts at the end of a line first', () => {
    expect(pieces('One. Two.\nThree. Four. Five.', 20)).toEqual(['One. Two.', 'Three. Four. Five.']);
  });

  it('cuts at the end of a sentence where no line ends', () => {
    expect(pieces('One two. Three four. Five six seven', 25)).toEqual([
      'One two. Three four.',
      'Five six seven',
    ]);
  });

  it('cuts between words where no sentence ends', () => {
    expect(pieces('one two three four five', 11)).toEqual(['one two', 'three four', 'five']);
  });

  it('cuts hard where there is no space', () => {
    expect(pieces('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
  });

  it('prefers a worse place to a sliver', () => {
    expect(pieces(`a\n${'b'.repeat(30)}`, 10)[0]).toBe(`a\n${'b'.repeat(8)}`);
  });

  it('gives the first piece a limit of its own', () => {
    expect(pieces('abcdefgh', 5, 2)).toEqual(['ab', 'cdefg', 'h']);
  });

  it('keeps a family together', () => {
    const family = '👩‍👩‍👧‍👦';
    expect(pieces(family.repeat(4), family.length + 3)).toEqual([family, family, family, family]);
  });

  it('keeps an accent with its letter, also one upon a space', () => {
    expect(pieces('abce\u0301fgh', 4)).toEqual(['abc', 'e\u0301fg', 'h']);
    expect(pieces('abc \u0301fgh', 4)[0]).toBe('abc');
  });

  it('cuts a cluster longer than the limit between two code points', () => {
    const zalgo = `e${'\u{1D167}'.repeat(20)}`;
    for (const piece of pieces(zalgo, 8)) expect(piece.isWellFormed()).toBe(true);
  });

  it('loses nothing, exceeds nothing and never divides a character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.integer({ min: 2, max: 40 }),
        (text, limit) => {
          const result = pieces(text, limit);
          expect(result.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
          for (const piece of result) {
            expect(piece.length).toBeLessThanOrEqual(limit);
            expect(piece).toBe(piece.trim());
            expect(piece.isWellFormed()).toBe(true);
          }
        },
      ),
    );
  });
});
