import { GroundedText } from './grounded.text.js';
import type { Draft, Prompt } from './llm.js';
import { Seam } from './seam.js';

/** What a reader is shown next. `opening`: how the text of this model stands to what was shown before. */
export interface Shown {
  opening: 'begin' | 'switch' | 'restart' | undefined;
  text: string;
}

/** A reader of one model's text, who may have read another's before. */
export class Reading {
  readonly #text: GroundedText;
  readonly #seam: Seam | undefined;
  #begun = false;
  // Until it cites something, where it has to.
  #withheld = '';

  /** @param draft what the reader has; it is kept up to date */
  constructor(
    private readonly prompt: Prompt,
    private readonly draft: Draft,
  ) {
    this.#text = new GroundedText(prompt.passages);
    if (draft.text !== '') this.#seam = new Seam(draft.text);
  }

  get cited(): readonly number[] {
    return this.#text.cited;
  }

  push(raw: string): Shown | undefined {
    return this.#show(this.#text.push(raw), false);
  }

  end(): Shown | undefined {
    return this.#show(this.#text.end(), true);
  }

  #show(fresh: string, last: boolean): Shown | undefined {
    this.#withheld += fresh;
    if (this.prompt.mustCite === true && this.cited.length === 0) return undefined;
    const { anew, text } = this.#joined(this.#withheld, last);
    this.#withheld = '';
    if (text === '') return undefined;
    const opening = this.#begun
      ? undefined
      : anew
        ? 'restart'
        : this.#seam === undefined
          ? 'begin'
          : 'switch';
    this.#begun = true;
    this.draft.text = anew ? text : this.draft.text + text;
    return { opening, text };
  }

  #joined(text: string, last: boolean) {
    if (this.#seam === undefined) return { anew: false, text };
    const joined = this.#seam.push(text);
    return last && !this.#seam.joined ? this.#seam.end() : joined;
  }
}
