import type { Block } from './block.js';

/** What separates the next words from those before them; of several that are asked for, the greatest is written. */
export enum Gap {
  None,
  Space,
  Line,
  Blank,
}

const SEPARATORS = ['', ' ', '\n', '\n\n'] as const;

/** What a block will be if words begin one now. */
export type BlockKind = { kind: 'text' | 'table' | 'list' } | { kind: 'heading'; level: number };

/**
 * Collects readable text and where its blocks are. Gaps are asked for while the structure is walked and are written only
 * between two words, so that nothing begins or ends with them and they never pile up.
 */
export class ReadableText {
  readonly blocks: Block[] = [];
  private readonly parts: string[] = [];
  private length = 0;
  private gap = Gap.None;
  /** Bars between cells that are still to be written. */
  private bars = 0;
  private row: 'first cell' | 'empty' | 'begun' = 'first cell';
  private beginsItem = false;
  private block: { kind: BlockKind; start: number; items: number[] } | undefined;

  separate(gap: Gap): void {
    // In a cell that is still empty, a new line would tear the row apart.
    if (this.bars > 0 && gap < Gap.Blank) return;
    if (gap === Gap.Blank) this.bars = 0;
    this.gap = Math.max(this.gap, gap);
  }

  beginItem(): void {
    this.beginsItem = true;
  }

  beginRow(): void {
    this.bars = 0;
    this.row = 'first cell';
    this.separate(Gap.Line);
  }

  /** The empty cells at a row's end have nothing to be kept apart from. */
  endRow(): void {
    this.bars = 0;
  }

  beginCell(): void {
    if (this.row === 'first cell') {
      this.row = 'empty';
      return;
    }
    if (this.row === 'begun') this.gap = Gap.None;
    this.bars++;
  }

  /** Words, with white space as HTML means it: any amount is one space. */
  write(words: string, kind: BlockKind): void {
    const line = words.replace(/[ \t\n\f\r]+/g, ' ');
    if (line.startsWith(' ')) this.separate(Gap.Space);
    const inner = line.slice(Number(line.startsWith(' ')), line.length - Number(line.endsWith(' ')));
    if (inner === '') return;
    this.begin(kind);
    this.put(inner);
    if (line.endsWith(' ')) this.separate(Gap.Space);
  }

  /** Text of which every space counts. */
  writeExactly(text: string, kind: BlockKind): void {
    this.begin(kind);
    this.put(text);
  }

  finish(): string {
    this.endBlock();
    return this.parts.join('');
  }

  private begin(kind: BlockKind): void {
    if (this.block === undefined || this.gap === Gap.Blank) {
      this.endBlock();
      if (this.length > 0) this.put(SEPARATORS[Gap.Blank]);
      this.block = { kind, start: this.length, items: [] };
    } else if (this.bars === 0 || this.gap === Gap.Line) {
      this.put(SEPARATORS[this.gap]);
    }
    const isLineStart = this.gap >= Gap.Line;
    if (this.bars > 0) this.put(isLineStart ? ' | '.repeat(this.bars).trimStart() : ' | '.repeat(this.bars));
    if (this.beginsItem) this.block.items.push(this.length);
    this.gap = Gap.None;
    this.bars = 0;
    this.row = 'begun';
    this.beginsItem = false;
  }

  private endBlock(): void {
    if (this.block === undefined) return;
    const { kind, start, items } = this.block;
    const end = this.length;
    if (kind.kind === 'heading') {
      this.blocks.push({ kind: 'heading', level: kind.level, start, end, title: { start, end } });
    } else if (kind.kind === 'list') this.blocks.push({ kind: 'list', start, end, items });
    else this.blocks.push({ kind: kind.kind, start, end });
    this.block = undefined;
  }

  private put(text: string): void {
    this.parts.push(text);
    this.length += text.length;
  }
}
