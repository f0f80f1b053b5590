import { Seam } from './seam.js';

/** What a reader has in the end who had something and hears another text in pieces of a size. */
function heard(before: string, other: string, size: number): { text: string; anew: boolean } {
  const seam = new Seam(before);
  let [text, anew] = [before, false];
  const take = (joined: { anew: boolean; text: string }) => {
    if (joined.anew) [text, anew] = ['', true];
    text += joined.text;
  };
  for (let at = 0; at < other.length; at += size) take(seam.push(other.slice(at, at + size)));
  if (!seam.joined) take(seam.end());
  return { text, anew };
}

describe('Seam', () => {
  const BEFORE = 'The lamp burns colza';
  it.each([
    ['goes on', 'The lamp burns colza oil in winter.', false],
    ['says no more', 'The lamp burns colza', false],
    ['stops earlier', 'The lamp', true],
    ['says something else from some point on', 'The lamp burns petroleum.', true],
    ['says something else at once', 'Petroleum.', true],
    ['says nothing', '', true],
  ])('leaves a reader with the text of the other who %s', (_what, other, anew) => {
    for (let size = 1; size <= other.length + 1; size += 1)
      expect(heard(BEFORE, other, size)).toEqual({ text: other, anew });
  });
});
