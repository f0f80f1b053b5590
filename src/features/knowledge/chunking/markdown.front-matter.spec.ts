import { frontMatterEnd } from './markdown.front-matter.js';

const behind = (content: string): string => content.slice(frontMatterEnd(content));

describe('frontMatterEnd', () => {
  it.each([
    ['---\ntitle: A\n---\n# B', '\n# B'],
    ['---\r\ntitle: A\r\n\r\ntags:\r\n  - x\r\n---\r\n# B', '\n# B'],
    ['\ufeff---\ntitle: A\n...\nB', '\nB'],
    ['---\n---\nB', '\nB'],
    ['---\n# a comment\ntitle: A\n---', ''],
  ])('skips it: %j', (content, rest) => {
    expect(behind(content)).toBe(rest);
  });

  it.each([
    ['a rule', '---\n\nSome words\n\n---\nMore'],
    ['words between rules', '---\nSome words\n---\nMore'],
    ['what is never closed', '---\ntitle: A\n\n# B'],
    ['what is not at the very start', '\n---\ntitle: A\n---\nB'],
  ])('keeps %s', (_, content) => {
    expect(frontMatterEnd(content)).toBe(0);
  });
});
