import fc from 'fast-check';
import { type DefaultTreeAdapterTypes, parse } from 'parse5';
import { htmlDocument } from './html.blocks.js';

const text = (html: string): string => htmlDocument(html).text;

describe('htmlDocument', () => {
  it.each([
    ['<p>One   two\n three</p><p>Four', 'One two three\n\nFour'],
    ['a <b> b</b> <i>c</i>d<br>e', 'a b cd\ne'],
    ['<ul><li>a<li>b <p>c</p><ol><li>d</ol><li>e</ul>f', 'a\nb\nc\nd\ne\n\nf'],
    ['<dl><dt>a<dd>b<dt>c<dd>d</dl>', 'a\nb\nc\nd'],
    ['<pre>\n  a\n\tb  c</pre>', '  a\n\tb  c'],
    ['<pre>a<br>b</pre>', 'a\nb'],
    ['<table><tr><th>A<th>B<tr><td> a <td><p>b</p></table>', 'A | B\na | b'],
    ['<table><tr><td>a<td><td>c<tr><td><td>b<tr><td>d<td></table>e', 'a |  | c\n| b\nd\n\ne'],
    ['<p>a &lt;b&gt; &amp;&nbsp;c', 'a <b> &\u00a0c'],
    ['<div><div>a</div><div><div>b</div></div></div>', 'a\n\nb'],
    ['<h1>A <em>b</em><br>c</h1>d', 'A b c\n\nd'],
    ['', ''],
  ])('reads %j as %j', (html, expected) => {
    expect(text(html)).toBe(expected);
  });

  it.each([
    '<script>x</script>',
    '<style>x</style>',
    '<template><p>x</p></template>',
    '<noscript>x</noscript>',
    '<svg><title>x</title><text>x</text><a>x</a></svg>',
    '<iframe>x</iframe>',
    '<head><title>x</title></head>',
    '<!-- x -->',
    '<div hidden>x<p>x</p></div>',
    '<b hidden=until-found>x</b>',
  ])('leaves out %s', (html) => {
    expect(text(html)).toBe('');
    expect(text(`<p>a</p>${html}<p>b</p>`).replace('x', '')).toBe('a\n\nb');
  });

  it('does not believe a hidden body', () => {
    expect(text('<body hidden>a')).toBe('a');
  });

  it('says where the blocks are and of which kind', () => {
    const { text: content, blocks } = htmlDocument(
      '<h2>A</h2><p>b</p><ul>c<li>d<li>e<ul><li>f</ul></ul><table><tr><td>g</table><h3><p>H</p><p>i</p></h3>',
    );
    expect(
      blocks.map((block) => [
        block.kind === 'heading' ? `h${block.level}` : block.kind,
        content.slice(block.start, block.end),
      ]),
    ).toEqual([
      ['h2', 'A'],
      ['text', 'b'],
      ['list', 'c\nd\ne\nf'],
      ['table', 'g'],
      ['h3', 'H'],
      ['text', 'i'],
    ]);
    expect(blocks[2]).toMatchObject({ items: [8, 10] });
  });

  it('finds the headings of a page that is laid out by tables', () => {
    const { blocks } = htmlDocument('<table><tr><td><h1>A</h1><p>b<td>c</table>');
    expect(blocks.map(({ kind }) => kind)).toEqual(['heading', 'table']);
  });

  it('reads the same characters as the standard, in the same order', () => {
    const tag = (names: string, ...ends: string[]): fc.Arbitrary<string> =>
      fc
        .tuple(
          fc.constantFrom('<', '<', '</'),
          fc.constantFrom(...names.split(' ')),
          fc.constantFrom(...ends),
        )
        .map((parts) => parts.join(''));
    const blocks = 'p div span h1 h2 ul ol li table tr td th pre br dl dt dd template section body';
    const block = tag(blocks, '>', '>', ' hidden>');
    // Not hidden: a browser would open it again in the next paragraph and hide that as well.
    const formatting = tag('a b i code font', '>');
    const words = fc.constantFrom('a', 'b', 'c', 'd', ' ', '\n', '<svg>x<a>x</a></svg>');
    fc.assert(
      fc.property(fc.array(fc.oneof(block, formatting, words), { maxLength: 30 }), (pieces) => {
        const html = pieces.join('');
        expect(text(html).replace(/[\s|]/g, '')).toBe(visible(html).replace(/\s/g, ''));
      }),
      { numRuns: 1000 },
    );
  });

  it('opens nothing again that was left open', () => {
    const html = Array.from({ length: 20_000 }, (_, index) => `<p><b class=${index}>a`).join('');
    expect(htmlDocument(html).blocks).toHaveLength(20_000);
  });
});

/** The same by parse5 as it is, and by recursion, which is good enough for a few tags. */
function visible(html: string): string {
  const read = (node: DefaultTreeAdapterTypes.Node): string => {
    if ('value' in node) return node.value;
    if (!('childNodes' in node)) return '';
    if ('tagName' in node) {
      if (['svg', 'template', 'head'].includes(node.tagName)) return '';
      if (node.tagName !== 'body' && node.attrs.some(({ name }) => name === 'hidden')) return '';
    }
    return node.childNodes.map(read).join('');
  };
  return read(parse(html));
}
