export interface Span {
  start: number;
  end: number;
}

/** The same stretch without the white space around it (what `trim` takes for it), or undefined when it is blank. */
export function trimmed(content: string, start: number, end: number): Span | undefined {
  while (start < end && isSpace(content, start)) start++;
  while (end > start && isSpace(content, end - 1)) end--;
  return start === end ? undefined : { start, end };
}

/**
 * Cuts a trimmed span into trimmed pieces of at most `limit` units, the first of at most `firstLimit`. Each step looks at
 * one window and nothing behind it, so a line of ten megabytes costs twice what one of five does.
 */
export function* cut(content: string, span: Span, limit: number, firstLimit = limit): Generator<Span> {
  let room = firstLimit;
  let rest = trimmed(content, span.start, span.end);
  while (rest !== undefined && rest.end - rest.start > room) {
    const end = cutAt(content, rest.start, room);
    const piece = trimmed(content, rest.start, end);
    if (piece !== undefined) yield piece;
    rest = trimmed(content, end, rest.end);
    room = limit;
  }
  if (rest !== undefined) yield rest;
}

// A cut in the first third of the window would leave a sliver: then the next best kind of place is taken instead.
const FLOOR = 1 / 3;

// The root locale: where a text is cut must not depend on the machine's language.
const sentences = new Intl.Segmenter('und', { granularity: 'sentence' });
const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

// What the segmenters see behind the cut. Only the boundary at or before the cut is asked for, and that needs no more.
const LOOKAHEAD = 32;

function cutAt(content: string, start: number, room: number): number {
  const window = content.slice(start, start + room + LOOKAHEAD);
  const floor = Math.max(1, Math.ceil(room * FLOOR));

  const line = window.lastIndexOf('\n', room);
  if (line >= floor) return start + line;

  const sentence = sentences.segment(window).containing(room)?.index ?? 0;
  if (sentence >= floor) return start + sentence;

  for (let at = room; at >= floor; at--) {
    if (isSpace(window, at) && !joins(window, at + 1)) return start + at;
  }
  const grapheme = graphemes.segment(window).containing(room)?.index ?? 0;
  if (grapheme >= floor) return start + grapheme;

  // One cluster of hundreds of marks. Between two code points, then.
  return start + (isPair(window, room) ? room - 1 : room);
}

function isSpace(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit < 0x80 ? unit === 32 || (unit >= 9 && unit <= 13) : /\s/.test(text.charAt(at));
}

/** Whether what stands here belongs to the character before it: a space with an accent upon it is no place to cut. */
function joins(text: string, at: number): boolean {
  return /^[\p{M}\u200d]/u.test(text.slice(at, at + 2));
}

function isPair(text: string, at: number): boolean {
  return /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(at - 1, at + 1));
}
