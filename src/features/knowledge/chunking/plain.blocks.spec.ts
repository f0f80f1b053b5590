import { plainBlocks } from './plain.blocks.js';

describe('plainBlocks', () => {
  it.each([
    ['a\nb\n\nc', ['a\nb', 'c']],
    ['a\r\nb\r\n\r\nc', ['a\r\nb', 'c']],
    ['a\rb\r\rc', ['a\rb', 'c']],
    ['\n \t\n  a \n\t\n\n b', ['a', 'b']],
    ['a', ['a']],
    [' \n\n ', []],
  ])('finds the paragraphs of %j', (content, paragraphs) => {
    const found = [...plainBlocks(content)].map(({ start, end }) => content.slice(start, end));
    expect(found).toEqual(paragraphs);
  });
});
