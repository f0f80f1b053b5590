import type { Passage } from './llm.js';

/** A citation: [1], [1, 2], and the brackets that some models were taught. */
export const CITATIONS = /[[【]\s*(\d{1,6}(?:\s*[,;]\s*\d{1,6}){0,20})\s*[\]】]/g;
const CITATIONS_TO_REMOVE = new RegExp(`[ \\t]?${CITATIONS.source}`, 'g');
// All of these are bounded and end with the line, so that it is known how far text has to be kept back.
const LINKS = /\[([^[\]\n]{0,300})\]\(([^()\s]{0,300})[^()\n]{0,100}\)/g;
const DEFINITION = /^[ \t]*\[[^\]\n]+\]:[ \t]*<?(?:[a-z]+:|\/\/|www\.).*$/i;
const AUTOLINKS = /<([a-z][a-z+.-]{0,20}:[^\s<>]{0,400})>/gi;
const TAGS = /<\/?[a-z!][^<>\n]{0,500}>?/gi;
const ADDRESSES =
  /[ \t]?(?:(?:\b[a-z][a-z+.-]{0,20}:)?\/\/[^\s<>"'()[\]]+|\bwww\.[^\s<>"'()[\]]+|\bdata:[^\s<>"'()[\]]+)/gi;
// No link and no tag is longer.
const HELD_CHARACTERS_MAX = 800;

/**
 * What of a model's text may be shown: its citations that point at a passage, in one form and numbered 1, 2, 3 in the order
 * of their mention; and no image and no address that no passage holds, which could carry out what else stands in the prompt.
 *
 * The text may come in pieces of any size. What is shown is the same: a word is held back until nothing that follows could
 * make it a part of something that is not shown.
 */
export class GroundedText {
  // Of the current line, what is not shown yet.
  #held = '';
  #atLineStart = true;
  #begun = false;
  // Blanks and line ends that are shown if something follows.
  #blanks = '';
  readonly #passages: readonly Passage[];
  readonly #known: ReadonlySet<number>;
  /** Passage to citation. */
  readonly #numbers = new Map<number, number>();

  constructor(passages: readonly Passage[]) {
    this.#passages = passages;
    this.#known = new Set(passages.map(({ n }) => n));
  }

  /** The passages that were cited: `[k]` is the k-th of them. */
  get cited(): number[] {
    return [...this.#numbers.keys()];
  }

  /** @returns what may be shown now, behind what was */
  push(raw: string): string {
    const [first, ...more] = raw.split('\n');
    this.#held += first!;
    let shown = '';
    for (const line of more) {
      shown += this.#endLine() + this.#show('\n');
      this.#held = line;
    }
    return shown + this.#advance();
  }

  /** @returns the rest */
  end(): string {
    const shown = this.#endLine();
    this.#blanks = '';
    return shown;
  }

  #endLine(): string {
    const line = this.#held;
    const definition = this.#atLineStart && DEFINITION.test(line);
    this.#held = '';
    this.#atLineStart = true;
    return definition ? '' : this.#show(this.#filtered(line));
  }

  #advance(): string {
    const end = settledEnd(this.#held, this.#atLineStart);
    if (end === 0) return '';
    const settled = this.#held.slice(0, end);
    this.#held = this.#held.slice(end);
    this.#atLineStart = false;
    return this.#show(this.#filtered(settled));
  }

  /** No blanks in front of the text, behind it, or at the ends of its lines. */
  #show(text: string): string {
    const words = text.trimEnd();
    if (words === '') {
      if (this.#begun) this.#blanks += text;
      return '';
    }
    const shown = this.#begun ? this.#blanks.replaceAll(/[ \t]+\n/g, '\n') + words : words.trimStart();
    this.#begun = true;
    this.#blanks = text.slice(words.length);
    return shown;
  }

  #filtered(text: string): string {
    return text
      .replaceAll(AUTOLINKS, '$1')
      .replaceAll(TAGS, '')
      .replaceAll('![', '[')
      .replaceAll(LINKS, (link, words: string, address: string) => {
        if (this.#holds(address)) return link;
        return /^\d+$/.test(words) ? `[${words}]` : words;
      })
      .replaceAll(ADDRESSES, (address) => (this.#holds(address.trimStart()) ? address : ''))
      .replaceAll(CITATIONS_TO_REMOVE, (mark, list: string) => {
        const marks = this.#marks(list);
        return marks === '' ? '' : `${/^[ \t]/.test(mark) ? mark[0] : ''}${marks}`;
      });
  }

  #marks(list: string): string {
    const numbers = list
      .split(/[,;]/)
      .map(Number)
      .filter((n) => this.#known.has(n));
    for (const n of numbers) if (!this.#numbers.has(n)) this.#numbers.set(n, this.#numbers.size + 1);
    return numbers.map((n) => `[${this.#numbers.get(n)}]`).join('');
  }

  #holds(address: string): boolean {
    const plain = address.replace(/[.,;:!?]+$/, '');
    return plain !== '' && this.#passages.some(({ text }) => text.includes(plain));
  }
}

/** All of a text at once. */
export function grounded(raw: string, passages: readonly Passage[]): { text: string; cited: number[] } {
  const text = new GroundedText(passages);
  const shown = text.push(raw) + text.end();
  return { text: shown, cited: text.cited };
}

/** How much of an unfinished line is what it is whatever follows: up to blanks that stand in no link, tag or citation. */
function settledEnd(line: string, atLineStart: boolean): number {
  // What may become the definition of a link, which goes as a whole.
  if (atLineStart && /^[ \t]*\[[^\]\n]*(\](:|$)|$)/.test(line)) return 0;
  let end = 0;
  for (let at = 0; at < line.length;) {
    if (isBlank(line[at]!)) {
      end = at;
      while (at < line.length && isBlank(line[at]!)) at += 1;
    } else {
      const length = lengthOf(line.slice(at, at + HELD_CHARACTERS_MAX));
      if (length === 0) return end;
      at += length;
    }
  }
  return end;
}

/** How long that is which stands at the beginning: a character, a link, a tag. 0 where what follows will decide it. */
function lengthOf(rest: string): number {
  const isTag = rest.startsWith('<');
  if (!isTag && !/^[[【]/.test(rest)) return 1;
  const length = isTag ? lengthOfTag(rest) : lengthOfBracket(rest);
  // One that goes on for longer than any is none.
  return length === 0 && rest.length === HELD_CHARACTERS_MAX ? 1 : length;
}

function lengthOfTag(rest: string): number {
  if (/^<\/?$/.test(rest)) return 0;
  return /^<\/?[a-z!]/i.test(rest) ? rest.indexOf('>') + 1 : 1;
}

function lengthOfBracket(rest: string): number {
  let depth = 0;
  for (let at = 0; at < rest.length; at += 1) {
    if (/[[【]/.test(rest[at]!)) depth += 1;
    if (/[\]】]/.test(rest[at]!)) depth -= 1;
    if (depth > 0) continue;
    if (at === rest.length - 1) return 0;
    return rest[at + 1] === '(' ? rest.indexOf(')', at) + 1 : at + 1;
  }
  return 0;
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t';
}
