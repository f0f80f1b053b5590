// Metadata of the page, not words of it. It has to look like YAML: a document may as well begin with a rule, and what
// stands between two rules must not be lost.
const OPENING = /^\uFEFF?---[ \t]*\r?\n(?=(?:[\w"'-][^\n:]{0,100}:(?:\s|$)|#|---|\.\.\.))/;
const CLOSING = /^(?:---|\.\.\.)[ \t]*\r?$/m;

/** Where the document begins behind its front matter; 0 when it has none. */
export function frontMatterEnd(content: string): number {
  const opening = OPENING.exec(content);
  if (opening === null) return 0;
  const body = content.slice(opening[0].length);
  const closing = CLOSING.exec(body);
  return closing === null ? 0 : opening[0].length + closing.index + closing[0].length;
}
