import { markdownBlocks } from './markdown.blocks.js';

const read = (content: string): string[] =>
  [...markdownBlocks(content)].map((block) => {
    const kind = block.kind === 'heading' ? `h${block.level}` : block.kind;
    return `${kind}: ${content.slice(block.start, block.end).replaceAll('\n', '⏎')}`;
  });

describe('markdownBlocks', () => {
  it.each([
    ['# A\nb\n## C ##', ['h1: # A', 'text: b', 'h2: ## C ##']],
    ['A\nb\n===\nC\n---', ['h1: A⏎b⏎===', 'h2: C⏎---']],
    ['#no\n\n    # code', ['text: #no', 'text: # code']],
    ['```sh\n# no heading\n\n```\n# A', ['text: ```sh⏎# no heading⏎⏎```', 'h1: # A']],
    ['~~~\n```\n# no\n~~~~\nb', ['text: ~~~⏎```⏎# no⏎~~~~', 'text: b']],
    ['a `b\n```c` d\n# E', ['text: a `b⏎```c` d', 'h1: # E']],
    ['- a\n\n  b\n- c\nlazy\n\nd', ['list: - a⏎⏎  b⏎- c⏎lazy', 'text: d']],
    ['- a\n  ```\n# A\n', ['list: - a⏎  ```', 'h1: # A']],
    ['a\n2. b\n1. c', ['text: a⏎2. b', 'list: 1. c']],
    ['> a\nlazy\n\n> ```\nb', ['text: > a⏎lazy', 'text: > ```', 'text: b']],
    [
      '| a | b |\n|---|:-:|\n| c \\| d | e |\nf\n\ng',
      ['table: | a | b |⏎|---|:-:|⏎| c \\| d | e |⏎f', 'text: g'],
    ],
    ['a\nb | c\n- | -\n', ['text: a⏎b | c', 'list: - | -']],
    ['a | b\n---\n', ['h2: a | b⏎---']],
    ['<!-- a\n\n# no\n-->\n# A', ['text: <!-- a⏎⏎# no⏎-->', 'h1: # A']],
    ['<div>\n# no\n\n# A', ['text: <div>⏎# no', 'h1: # A']],
    ['[a]: http://b\n\nc\n\n[d]: e', ['text: [a]: http://b', 'text: c', 'text: [d]: e']],
    ['* * *\n***', ['text: * * *', 'text: ***']],
    ['---\ntitle: A\n---\n# B', ['h1: # B']],
  ])('reads %j', (content, blocks) => {
    expect(read(content)).toEqual(blocks);
  });

  it('knows where the items of a list begin', () => {
    const [list] = markdownBlocks('- a\n  - b\n\n- c\n  d\n - e');
    expect(list).toMatchObject({ kind: 'list', items: [0, 11, 20] });
  });

  it('takes every kind of line end', () => {
    const content = '# A\r\rb\r\n\r\n- c\r- d\r\n# E';
    expect([...markdownBlocks(content)].map(({ kind }) => kind)).toEqual([
      'heading',
      'text',
      'list',
      'heading',
    ]);
  });
});
