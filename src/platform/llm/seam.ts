/** What comes behind a seam. `anew`: it is another text, and what the reader has is void. */
export interface Joined {
  anew: boolean;
  text: string;
}

const NOTHING: Joined = { anew: false, text: '' };

/**
 * Joins what a reader has of a text and the same text as somebody else writes it, from its beginning. As long as both say
 * the same nothing is shown; then either the other one has more to say, or it says something else. Nothing comes twice, and
 * whatever the reader ends up with is the text of one model.
 */
export class Seam {
  #fresh = '';
  #joined = false;

  constructor(private readonly before: string) {}

  get joined(): boolean {
    return this.#joined;
  }

  push(text: string): Joined {
    if (this.#joined) return { anew: false, text };
    this.#fresh += text;
    const [fresh, { before }] = [this.#fresh, this];
    if (before.startsWith(fresh)) return NOTHING;
    this.#joined = true;
    return fresh.startsWith(before)
      ? { anew: false, text: fresh.slice(before.length) }
      : { anew: true, text: fresh };
  }

  /** The other one has said all that it has to say. */
  end(): Joined {
    if (this.#joined || this.#fresh === this.before) return NOTHING;
    this.#joined = true;
    return { anew: true, text: this.#fresh };
  }
}
