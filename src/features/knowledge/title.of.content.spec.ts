import type { ContentType } from './chunking/chunk.js';
import { titleOfContent } from './title.of.content.js';

describe('titleOfContent', () => {
  it.each<[what: string, content: string, type: ContentType, title: string | undefined]>([
    ['nothing of plain text', '# Keeping', 'text/plain', undefined],
    ['the heading of the first level', 'Words.\n\n# The *wick* #\n\n# Later', 'text/markdown', 'The wick'],
    ['the heading that opens it, whatever its level', '\n## Opening\n\n# Later', 'text/markdown', 'Opening'],
    ['what stands after a banner', '<p align=center></p>\n## Opening', 'text/markdown', 'Opening'],
    ['no later heading of a lower level', 'Words.\n\n## A part', 'text/markdown', undefined],
    ['nothing within a fence', '```\n# comment\n```\n\n# Title', 'text/markdown', 'Title'],
    ['its front matter', '---\ntitle: "In front"\nx: y\n---\n# Title', 'text/markdown', 'In front'],
    ['its heading where the front matter has none', '---\nx: y\n---\n# Title', 'text/markdown', 'Title'],
    [
      'the title of a page',
      '<title>Keeping &amp; <b>trimming</b></title><h1>x</h1>',
      'text/html',
      'Keeping & trimming',
    ],
    [
      'the first heading of a page without one',
      '<title> </title><h1 class=a>The\n wick</h1>',
      'text/html',
      'The wick',
    ],
    ['nothing of a page without either', '<p>Words</p>', 'text/html', undefined],
  ])('is %s', (_what, content, type, title) => {
    expect(titleOfContent(content, type)).toBe(title);
  });
});
