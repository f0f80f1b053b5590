import { beginningOf } from './beginning.js';

describe('The beginning of a text', () => {
  it.each([
    ['lamp', 10, 'lamp'],
    ['lamp', 2, 'la'],
    ['a💡b', 2, 'a'],
    ['a💡b', 3, 'a💡'],
    ['', 3, ''],
    ['a\ud83d', 2, 'a\ud83d'],
  ])('of %j within %i is %j', (text, max, beginning) => expect(beginningOf(text, max)).toBe(beginning));
});
