import MarkdownIt, { type Token } from 'markdown-it';
import type { Block, ListBlock } from './block.js';
import { frontMatterEnd } from './markdown.front-matter.js';
import { type Span, trimmed } from './splitting.js';

// Blocks only: of a document of ten megabytes the parser then takes half a second, and what stands inside a line costs
// nothing, however odd it is. Deeper nesting than this is read as text.
const parser = new MarkdownIt({ html: true, maxNesting: 20 });
parser.core.ruler.enableOnly(['normalize', 'block']);

const LISTS = new Set(['bullet_list_open', 'ordered_list_open']);

// As the parser counts lines.
const LINE_END = /\r\n?|\n/g;

/** The outermost blocks of CommonMark and GFM tables, in order. */
export function* markdownBlocks(content: string): Generator<Block> {
  const from = frontMatterEnd(content);
  const source = content.slice(from);
  const lines = lineStarts(source, from);
  const spanOf = (first: number, last: number) =>
    trimmed(content, lines[first] ?? content.length, lines[last] ?? content.length);
  let read = 0;
  let list: ListBlock | undefined;
  for (const token of parser.parse(source, {})) {
    if (token.map === null || token.nesting < 0 || token.type === 'inline') continue;
    const [first, last] = token.map;
    if (token.level === 1 && token.type === 'list_item_open')
      list?.items.push(spanOf(first, last)?.start ?? 0);
    if (token.level > 0) continue;
    if (list !== undefined) yield list;
    list = undefined;
    // The parser shows no definitions of links: what it passed over is text to us, so that nothing is lost.
    const gap = spanOf(read, first);
    if (gap !== undefined) yield { kind: 'text', ...gap };
    const span = spanOf(first, last);
    if (span === undefined) continue;
    if (LISTS.has(token.type)) list = { kind: 'list', ...span, items: [] };
    else if (token.type === 'heading_open') yield heading(token, span, lines[last - 1] ?? span.end);
    else yield { kind: token.type === 'table_open' ? 'table' : 'text', ...span };
    read = last;
  }
  if (list !== undefined) yield list;
  const rest = spanOf(read, lines.length);
  if (rest !== undefined) yield { kind: 'text', ...rest };
}

/** A heading is marked by hashes before its title, or by a line under it. */
function heading({ tag, markup }: Token, span: Span, lastLine: number): Block {
  const level = Number(tag.slice(1));
  const title = markup.startsWith('#') ? span : { start: span.start, end: lastLine };
  return { kind: 'heading', level, ...span, title };
}

function lineStarts(source: string, from: number): number[] {
  const starts = [from];
  for (const { index, 0: end } of source.matchAll(LINE_END)) starts.push(from + index + end.length);
  return starts;
}
