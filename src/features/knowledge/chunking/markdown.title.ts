import MarkdownIt from 'markdown-it';
import type { Span } from './splitting.js';
import { TITLE_CHARS_MAX, titleOf } from './title.js';

// Raw HTML is known for what it is, so that it can be left out.
const parser = new MarkdownIt({ html: true });
// A "heading" may be megabytes long, and only so much of it can become a title.
const SOURCE_CHARS_MAX = 2 * TITLE_CHARS_MAX;
const MARKS = /[\\`*_~[\]<>&!#]/;

/** What a reader sees of a heading: no marks, no targets of links, no raw HTML. */
export function markdownTitle(content: string, { start, end }: Span): string {
  const source = content
    .slice(start, Math.min(end, start + SOURCE_CHARS_MAX))
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^#{1,6}(?= |$)| #+$/g, '')
    .trim();
  if (!MARKS.test(source)) return titleOf(source);
  const [line] = parser.parseInline(source, {});
  const words = (line?.children ?? []).map((token) => (TEXT.has(token.type) ? token.content : ''));
  return titleOf(words.join(''));
}

const TEXT = new Set(['text', 'text_special', 'code_inline', 'image']);
