import type { Block, HeadingBlock } from './block.js';
import type { Chunk } from './chunk.js';
import { cut, type Span, trimmed } from './splitting.js';

// About 300 tokens of English: one thought with its surroundings. Embedding models blur a longer text into the average
// of its subjects, and eight chunks of this size still fit into the prompt of a small model.
export const CHUNK_CHARS_TARGET = 1200;

// What is best left whole (a listing, a long paragraph) may be this long. 2 000 units are at most some 1 000 tokens even
// in scripts where a token is two characters, far within what every embedding model reads.
export const CHUNK_CHARS_MAX = 2000;

// A section shorter than this says too little by itself to be found by meaning; it goes together with the next one.
export const SECTION_CHARS_TINY = 200;

// Longer "headings" are prose in the wrong element: all but their last piece is treated as prose. Half the target, so
// that a heading always has room for the beginning of what it heads.
const HEADING_CHARS_MAX = CHUNK_CHARS_TARGET / 2;

/** The title of a heading, in plain text. Asked for once, and only for headings that end up in a chunk's path. */
type TitleOf = (heading: HeadingBlock) => string;

/** Blocks in the order of the document, disjoint, into chunks. */
export function pack(content: string, blocks: Iterable<Block>, titleOf: TitleOf): Chunk[] {
  const packer = new Packer(content, titleOf);
  for (const block of blocks) packer.add(block);
  return packer.finish();
}

interface Heading {
  block: HeadingBlock;
  title?: string;
}

interface Unit extends Span {
  isHeading: boolean;
  /** One array for all units of a section, so that its identity is the section's. */
  path: readonly Heading[];
}

class Packer {
  private readonly chunks: Chunk[] = [];
  /** What the next chunk holds so far. It is short: every unit has at least one character. */
  private run: Unit[] = [];
  /** Whether there are only headings in it. */
  private isBare = true;
  private path: readonly Heading[] = [];
  /** The path of the last chunk. */
  private packed: readonly Heading[] | undefined;

  constructor(
    private readonly content: string,
    private readonly titleOf: TitleOf,
  ) {}

  add(block: Block): void {
    if (block.kind === 'heading') return this.open(block);
    for (const { start, end } of this.parts(block))
      this.place({ start, end, isHeading: false, path: this.path });
  }

  finish(): Chunk[] {
    this.flush();
    return this.chunks;
  }

  private open(heading: HeadingBlock): void {
    const [first] = this.run;
    const isTiny = first !== undefined && this.packed !== first.path && this.length() < SECTION_CHARS_TINY;
    if (!this.isBare && !isTiny) this.flush();

    this.path = [...this.path.filter((above) => above.block.level < heading.level), { block: heading }];
    const pieces = this.pieces(heading, HEADING_CHARS_MAX, HEADING_CHARS_MAX);
    const last = pieces.at(-1);
    for (const piece of pieces) {
      this.place({ start: piece.start, end: piece.end, isHeading: piece === last, path: this.path });
    }
  }

  private parts(block: Exclude<Block, HeadingBlock>): Span[] {
    const isSmall = block.end - block.start <= CHUNK_CHARS_TARGET;
    if (block.kind !== 'list' || isSmall) {
      return this.pieces(block, block.kind === 'text' ? CHUNK_CHARS_MAX : CHUNK_CHARS_TARGET);
    }
    const bounds = [block.start, ...block.items.slice(1), block.end]; // there may be words above the first item
    return bounds
      .slice(1)
      .flatMap((end, index) => this.pieces({ start: bounds[index] ?? end, end }, CHUNK_CHARS_MAX));
  }

  /** The whole while it is no longer than `wholeMax`. */
  private pieces({ start, end }: Span, wholeMax: number, limit = CHUNK_CHARS_TARGET): Span[] {
    const span = trimmed(this.content, start, end);
    if (span === undefined) return [];
    return span.end - span.start <= wholeMax ? [span] : [...cut(this.content, span, limit)];
  }

  private place(unit: Unit): void {
    if (this.run.length > 0 && this.lengthWith(unit, 0) > CHUNK_CHARS_TARGET) {
      const taken = unit.isHeading ? this.run.length : this.headingsFor(unit);
      const carried = this.run.splice(taken);
      this.flush();
      this.run = carried;
    }
    const [first] = this.run;
    if (first === undefined || unit.end - first.start <= CHUNK_CHARS_MAX) {
      this.run.push(unit);
      this.isBare &&= unit.isHeading;
      return;
    }
    // The headings must not stand alone and cannot have the whole: its beginning goes with them.
    for (const span of cut(this.content, unit, CHUNK_CHARS_TARGET, roomBeside(first, unit))) {
      this.place({ ...unit, ...span });
    }
  }

  /** From which unit of the run on there are only headings that go along with this unit, which begins beyond them. */
  private headingsFor(unit: Unit): number {
    let from = this.run.length;
    for (let above = this.run[from - 1]; above?.isHeading === true; above = this.run[from - 1]) {
      if (roomBeside(above, unit) < 2) break; // nothing but white space between them, a chunk full of it
      from--;
    }
    return from;
  }

  private lengthWith(unit: Unit, from: number): number {
    return unit.end - (this.run[from]?.start ?? unit.start);
  }

  private length(): number {
    const last = this.run.at(-1);
    return last === undefined ? 0 : this.lengthWith(last, 0);
  }

  private flush(): void {
    const [first] = this.run;
    const last = this.run.at(-1);
    if (first === undefined || last === undefined) return;
    const previous = this.chunks.at(-1);
    const isRemainder = this.packed === first.path && !first.isHeading && this.length() < SECTION_CHARS_TINY;
    if (previous !== undefined && isRemainder && last.end - previous.start <= CHUNK_CHARS_MAX) {
      // The last words of a section, too few for a chunk of their own.
      previous.end = last.end;
      previous.text = this.content.slice(previous.start, last.end);
    } else {
      this.chunks.push({
        position: this.chunks.length,
        start: first.start,
        end: last.end,
        text: this.content.slice(first.start, last.end),
        headings: this.titles(first.path),
      });
    }
    this.packed = last.path;
    this.run = [];
    this.isBare = true;
  }

  private titles(path: readonly Heading[]): string[] {
    return path
      .map((heading) => (heading.title ??= this.titleOf(heading.block)))
      .filter((title) => title !== '');
  }
}

/** How much of a unit goes together with the heading above it when there is no room for the whole. */
function roomBeside(heading: Unit, unit: Unit): number {
  const used = unit.start - heading.start;
  return Math.max(CHUNK_CHARS_TARGET - used, Math.min(SECTION_CHARS_TINY, CHUNK_CHARS_MAX - used));
}
