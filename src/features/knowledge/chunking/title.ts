// A path of six titles is stored with every chunk and put before it for embedding: a title names, it does not tell.
export const TITLE_CHARS_MAX = 200;

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** A heading's words on one line, of bounded length. */
export function titleOf(words: string): string {
  // Cut before anything else: a "heading" may be megabytes long.
  const title = words
    .slice(0, 4 * TITLE_CHARS_MAX)
    .replace(/\s+/g, ' ')
    .trim();
  if (title.length <= TITLE_CHARS_MAX) return title;
  const end = graphemes.segment(title).containing(TITLE_CHARS_MAX - 1)?.index ?? 0;
  return `${title.slice(0, end)}…`;
}
