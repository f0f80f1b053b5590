import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import fc from 'fast-check';
import type { ChunkedDocument, ContentType } from './chunk.js';
import { chunkDocument } from './chunker.js';
import { markdownBlocks } from './markdown.blocks.js';
import { markdownTitle } from './markdown.title.js';
import { CHUNK_CHARS_MAX, CHUNK_CHARS_TARGET } from './packing.js';

const TYPES: ContentType[] = ['text/plain', 'text/markdown', 'text/html'];

/** What every chunked document keeps to, whatever it was made of. */
function expectSound({ content, chunks }: ChunkedDocument): void {
  const faults: string[] = [];
  const check = (holds: boolean, what: string): unknown => holds || faults.push(what);
  let uncovered = '';
  let end = 0;
  for (const [index, chunk] of chunks.entries()) {
    check(chunk.position === index, `${index} says it is ${chunk.position}`);
    check(chunk.start >= end, `${index} overlaps or is out of order`);
    check(content.slice(chunk.start, chunk.end) === chunk.text, `${index} is not what its offsets say`);
    check(chunk.text !== '' && chunk.text === chunk.text.trim(), `${index} is blank or not trimmed`);
    check(chunk.text.length <= CHUNK_CHARS_MAX, `${index} is too long`);
    check(!divides(content, chunk.start) && !divides(content, chunk.end), `${index} divides a character`);
    uncovered += content.slice(end, chunk.start);
    end = chunk.end;
  }
  check((uncovered + content.slice(end)).trim() === '', 'something is in no chunk');
  expect(faults).toEqual([]);
}

function divides(content: string, offset: number): boolean {
  return /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(content.slice(offset - 1, offset + 1));
}

// Pieces that mean something to one of the three readers, or are hard to cut.
const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    '\ud800',
    '\udc00x',
    '\0',
    'שלום עולם ',
    '👩‍👩‍👧‍👦',
    '🇩🇪🇫🇷',
    'e\u0301',
    '\r',
    '\r\n',
    '\r\n\r\n',
    '\n\n',
    '\u2028',
    '\ufeff',
  ),
  fc.constantFrom(
    '# ',
    '\n## A\n',
    '\n===\n',
    '\n- ',
    '\n1. ',
    '\n> ',
    '\n```\n',
    '|a|b|\n|-|-|\n',
    '    ',
    '\t',
    '---\n',
    '<!--',
  ),
  fc.constantFrom(
    '<p>',
    '<h1>',
    '</h1>',
    '<li>',
    '<table><td>',
    '<pre>',
    '</pre>',
    '<div hidden>',
    '</div>',
    '&amp;',
    '<br>',
  ),
  fc.nat({ max: 3000 }).map((length) => 'x'.repeat(length)),
  fc.nat({ max: 300 }).map((count) => 'Some words. '.repeat(count)),
  fc.nat({ max: 3000 }).map((length) => ' '.repeat(length)),
);
const document = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

describe('chunkDocument', () => {
  it.each(TYPES)('is sound for any %s', (type) => {
    fc.assert(
      fc.property(document, (source) => {
        // What is metadata is left out, and nothing else is.
        fc.pre(type !== 'text/markdown' || !/^\uFEFF?---/.test(source));
        const chunked = chunkDocument(source, type);
        expectSound(chunked);
        if (type !== 'text/html') expect(chunked.content).toBe(source);
      }),
      { numRuns: 400 },
    );
  });

  it.each(TYPES)('makes nothing of a blank %s', (type) => {
    for (const blank of ['', ' ', '\r\n\r\n', '\ufeff'])
      expect(chunkDocument(blank, type).chunks).toEqual([]);
  });

  it('puts paragraphs of plain text together and knows no headings in it', () => {
    const { chunks } = chunkDocument('# One\nmore\n\n\nTwo\r\n \r\nThree', 'text/plain');
    expect(chunks).toMatchObject([{ text: '# One\nmore\n\n\nTwo\r\n \r\nThree', headings: [] }]);
  });

  it('reads Markdown by its structure', () => {
    const code = `\`\`\`js\n${'# no heading\n\n'.repeat(100)}\`\`\``;
    const source = `---\ntitle: T\n---\n# A *b*\n\n${'Words. '.repeat(100)}\n\n## \`c()\`\n\n${code}\n\n${'d '.repeat(300)}`;
    const { chunks } = chunkDocument(source, 'text/markdown');
    expect(chunks.map(({ headings }) => headings)).toEqual([['A b'], ['A b', 'c()'], ['A b', 'c()']]);
    expect(chunks[1]?.text).toBe(`## \`c()\`\n\n${code}`);
  });

  it('reads HTML as a reader sees it', () => {
    const rows = '<tr><td>one</td><td>two</td></tr>'.repeat(200);
    const source = `<title>T</title><h1>A <b>b</b></h1><script>x()</script><p>${'Words. '.repeat(100)}<h2>C</h2><table>${rows}</table>`;
    const { content, chunks } = chunkDocument(source, 'text/html');
    expect(content.startsWith('A b\n\nWords. Words.')).toBe(true);
    expect(chunks[0]?.headings).toEqual(['A b']);
    expect(chunks[1]?.headings).toEqual(['A b', 'C']);
    expect(chunks[1]?.text.startsWith('C\n\none | two\none | two\n')).toBe(true);
    for (const { text } of chunks.slice(2)) expect(text).toMatch(/^one \| two\n[^]*\none \| two$/);
  });

  it.each(TYPES)('gives the same for the same %s', (type) => {
    const source = '# A\n\n<h1>b</h1> c\n'.repeat(200);
    expect(chunkDocument(source, type)).toEqual(chunkDocument(source, type));
  });

  const docs = path.join(path.dirname(createRequire(import.meta.url).resolve('fastify')), 'docs');
  const manual = readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.md'),
  );

  it.each(manual)('chunks %s of the manual well', (file) => {
    const source = readFileSync(path.join(docs, file), 'utf8');
    for (const type of TYPES) expectSound(chunkDocument(source, type));

    const { chunks } = chunkDocument(source, 'text/markdown');
    const headings = [...markdownBlocks(source)].filter((block) => block.kind === 'heading');
    for (const chunk of chunks) {
      const section = headings.findLast(({ start }) => start <= chunk.start);
      expect(chunk.headings.at(-1)).toBe(section && markdownTitle(source, section.title));
      const isBare = headings.some(({ start, end }) => start === chunk.start && end === chunk.end);
      expect(isBare && chunk !== chunks.at(-1)).toBe(false);
    }
    const average = source.length / chunks.length;
    expect(average).toBeGreaterThan(Math.min(source.length, CHUNK_CHARS_TARGET) / 5);
  });

  // Half a megabyte of each takes well under a second here. The parsers this replaces, or anything else that is quadratic or
  // recursive, would need minutes or overflow the stack.
  const repeat = (part: string): string => part.repeat(Math.ceil(500_000 / part.length));
  it.each<[string, ContentType, string]>([
    ['a line without a space', 'text/plain', repeat('x')],
    ['one letter and its accents', 'text/plain', repeat('\u0301')],
    ['spaces', 'text/plain', `a${repeat(' ')}b`],
    ['empty lines', 'text/plain', repeat('\r')],
    ['nested quotations', 'text/markdown', repeat('>')],
    ['nested lists', 'text/markdown', repeat('* ')],
    ['open brackets', 'text/markdown', repeat('[a](')],
    ['asterisks', 'text/markdown', repeat('*')],
    ['rules that are none', 'text/markdown', repeat('- - a\n')],
    ['short items', 'text/markdown', repeat('- a\n')],
    ['headings', 'text/markdown', repeat('# *a*\n\nb\n\n')],
    ['a heading', 'text/markdown', `# ${repeat('*a* ')}`],
    ['underlines', 'text/markdown', repeat('a\n=\n')],
    ['table rows', 'text/markdown', repeat('a|b\n')],
    ['open comments', 'text/markdown', repeat('<!--\n')],
    ['a lone tag', 'text/markdown', repeat('<a b=c ')],
    ['nested elements', 'text/html', '<div>'.repeat(100_000)],
    ['nested tables', 'text/html', repeat('<table><tr><td>')],
    ['headings left open', 'text/html', repeat('<h1><p>a')],
    [
      'formatting left open',
      'text/html',
      Array.from({ length: 50_000 }, (_, at) => `<p><b a=${at}>`).join(''),
    ],
  ])(
    'takes time in proportion to %s (%s)',
    (_, type, source) => {
      expectSound(chunkDocument(source, type));
    },
    15_000,
  );
});
