import type { Span } from './splitting.js';

/**
 * A piece of a document that its author kept together. `list` and `table` say that one too big for a chunk is better
 * taken apart; everything else (paragraph, code, quotation, raw HTML) is `text` and is kept whole while it fits.
 */
export type Block = (Span & { kind: 'text' | 'table' }) | ListBlock | HeadingBlock;

export interface ListBlock extends Span {
  kind: 'list';
  /** Where each of the outermost items begins. */
  items: number[];
}

export interface HeadingBlock extends Span {
  kind: 'heading';
  /** 1 to 6. */
  level: number;
  /** Its words, without the marks that make them a heading. */
  title: Span;
}
