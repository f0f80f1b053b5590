import type { Block } from './block.js';
import { trimmed } from './splitting.js';

// A line end, and behind it a line with nothing on it.
const GAP = /(?:\r\n|\n|\r(?!\n))[^\S\r\n]*[\r\n]\s*/g;

/** Paragraphs: what stands between blank lines. */
export function* plainBlocks(content: string): Generator<Block> {
  let start = 0;
  for (const { index, 0: gap } of content.matchAll(GAP)) {
    yield* paragraph(content, start, index);
    start = index + gap.length;
  }
  yield* paragraph(content, start, content.length);
}

function* paragraph(content: string, start: number, end: number): Generator<Block> {
  const span = trimmed(content, start, end);
  if (span !== undefined) yield { kind: 'text', ...span };
}
