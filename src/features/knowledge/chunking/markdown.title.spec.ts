import { markdownTitle } from './markdown.title.js';
import { TITLE_CHARS_MAX } from './title.js';

const title = (source: string): string => markdownTitle(source, { start: 0, end: source.length });

describe('markdownTitle', () => {
  it.each([
    ['Plain words', 'Plain words'],
    ['`fastify.listen(opts)` returns', 'fastify.listen(opts) returns'],
    [
      'The [manual](https://example.com "x") of *all* ~~nothing~~ **things**',
      'The manual of all nothing things',
    ],
    ['<a id="x"></a> Anchored', 'Anchored'],
    ['![Logo](logo.png) Name', 'Logo Name'],
    ['Fish &amp; \\*chips\\*', 'Fish & *chips*'],
    ['Closed ##', 'Closed'],
    ['1. Install', '1. Install'],
    ['- > `x`', '- > x'],
    ['snake_case_name', 'snake_case_name'],
    ['  over\n two   lines ', 'over two lines'],
    ['', ''],
  ])('reads %j as %j', (source, expected) => {
    expect(title(source)).toBe(expected);
  });

  it('is of bounded length', () => {
    expect(title(`*${'word '.repeat(1_000_000)}*`).length).toBeLessThanOrEqual(TITLE_CHARS_MAX);
  });

  it('does not hand the parser what it takes long for', () => {
    const odd = '[a]('.repeat(50);
    expect(title(odd)).toBe(odd.slice(0, TITLE_CHARS_MAX));
  });
});
