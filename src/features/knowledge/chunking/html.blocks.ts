import type { Block } from './block.js';
import { CELLS, isBlock, isUnseen, ITEMS, levelOf, LISTS, PREFORMATTED } from './html.elements.js';
import { type HtmlDocument, type HtmlElement, type HtmlNode, parseHtml } from './html.tree.js';
import { type BlockKind, Gap, ReadableText } from './readable.text.js';

/** The readable text of a page and the blocks in it. */
export function htmlDocument(source: string): { text: string; blocks: Block[] } {
  const reader = new PageReader();
  walk(parseHtml(source), reader);
  return { text: reader.text.finish(), blocks: reader.text.blocks };
}

/** Depth first with a stack of its own: pages nest 100 000 elements deep, and the call stack does not. */
function walk(document: HtmlDocument, reader: PageReader): void {
  const open: { element: HtmlElement | undefined; nodes: HtmlNode[]; at: number }[] = [
    { element: undefined, nodes: document.childNodes, at: 0 },
  ];
  for (let frame = open.at(-1); frame !== undefined; frame = open.at(-1)) {
    const node = frame.nodes[frame.at++];
    if (node === undefined) {
      if (frame.element !== undefined) reader.leave(frame.element);
      open.pop();
    } else if ('tagName' in node) {
      if (isUnseen(node.tagName, node.attrs)) continue;
      reader.enter(node);
      open.push({ element: node, nodes: node.childNodes, at: 0 });
    } else if (node.nodeName === '#text' && 'value' in node) {
      reader.read(node.value);
    }
  }
}

class PageReader {
  readonly text = new ReadableText();
  private preformatted = 0;
  /** How many lists and tables are open, and what the outermost of them is. */
  private depth = 0;
  private outermost: 'list' | 'table' = 'list';
  private heading: { element: HtmlElement; hasWords: boolean } | undefined;

  enter(element: HtmlElement): void {
    const name = element.tagName;
    if (name === 'br') return this.breakLine();
    if (CELLS.has(name)) return this.text.beginCell();
    if (!isBlock(name)) return;

    // Without an end tag a heading holds all the rest of the page: nothing in it is one but its first words.
    if (this.heading?.hasWords === true) this.endHeading();
    if (levelOf(name) > 0 && this.heading === undefined) {
      this.text.separate(Gap.Blank);
      this.heading = { element, hasWords: false };
    }
    this.text.separate(this.blockGap);
    if (PREFORMATTED.has(name)) this.preformatted++;
    if (name === 'tr') this.text.beginRow();
    if (ITEMS.has(name) && this.depth === 1) this.text.beginItem();
    if (LISTS.has(name) || name === 'table') {
      if (this.depth++ === 0) this.outermost = name === 'table' ? 'table' : 'list';
    }
  }

  leave(element: HtmlElement): void {
    const name = element.tagName;
    if (!isBlock(name)) return;
    if (PREFORMATTED.has(name)) this.preformatted--;
    if (LISTS.has(name) || name === 'table') this.depth--;
    if (name === 'tr') this.text.endRow();
    if (this.heading?.element === element) this.endHeading();
    this.text.separate(this.blockGap);
  }

  read(text: string): void {
    if (this.preformatted > 0) this.text.writeExactly(text, this.kind);
    else this.text.write(text, this.kind);
    if (this.heading !== undefined && text.trim() !== '') this.heading.hasWords = true;
  }

  private breakLine(): void {
    if (this.preformatted > 0) this.text.writeExactly('\n', this.kind);
    else this.text.separate(this.heading === undefined ? Gap.Line : Gap.Space);
  }

  private endHeading(): void {
    this.heading = undefined;
    this.text.separate(Gap.Blank);
  }

  private get blockGap(): Gap {
    if (this.heading !== undefined) return Gap.Space;
    return this.depth > 0 ? Gap.Line : Gap.Blank;
  }

  private get kind(): BlockKind {
    if (this.heading !== undefined) return { kind: 'heading', level: levelOf(this.heading.element.tagName) };
    return { kind: this.depth > 0 ? this.outermost : 'text' };
  }
}
