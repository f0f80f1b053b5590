import { mentions } from './mentions.js';

describe('A text mentions a term', () => {
  it.each([
    ['We write Go and Rust.', 'rust'],
    ['Node.js, C++ or C#', 'C++'],
    ['Node.js, C++ or C#', 'node.js'],
    ['distributed\n  systems', 'Distributed Systems'],
    ['Golang, then go', 'Go'],
    ['Übung', 'übung'],
  ])('as a whole, in any case: %j names %j', (text, term) => expect(mentions(text, term)).toBe(true));

  it.each([
    ['Django', 'Go'],
    ['JavaScript', 'Java'],
    ['Rustic', 'rust'],
    ['anything', ' '],
    ['', 'Go'],
  ])('and not as a part of a word: %j does not name %j', (text, term) =>
    expect(mentions(text, term)).toBe(false),
  );
});
