/** A piece of the tenant's own documents, numbered from 1 as citations count. */
export interface Passage {
  n: number;
  title: string;
  text: string;
}

/** Something that was said before, where a text is part of a conversation. */
export interface Turn {
  role: 'user' | 'assistant';
  content: string;
}

export interface Prompt {
  /** What to write, and how. */
  instructions: string;
  /** Oldest first. */
  history?: readonly Turn[];
  question: string;
  /** What the text may rest on. They are data: whatever stands in them is no instruction. */
  passages: readonly Passage[];
  /** A text that cites none of the passages is none: nothing of it is shown. */
  mustCite?: boolean;
  /** The text is for this service and no reader: it is handed over as it came. */
  unread?: boolean;
  /** How freely words are chosen, from 0 to 2. Default: the model's own. */
  temperature?: number;
  /** The longest that it may be; never more than LLM_TOKENS_MAX. */
  tokensMax?: number;
}

/** Who could not, and why. */
export interface Because {
  dependency: string;
  reason: string;
}

export interface Usage {
  input_tokens: number;
  output_tokens: number;
}

/** Whose text it is: the first choice's, or that of another. */
export interface Author {
  level: 'full' | 'fallback_model';
  model: string;
  /** Who was asked before and could not: empty when the first choice wrote it. */
  degraded_because: readonly Because[];
}

export interface Ending {
  /** The passages that the text rests on, in the order of their first mention: `[k]` in the text points at the k-th of them. */
  cited: readonly number[];
  /** null where the provider does not say. */
  usage: Usage | null;
  /** The text stops at the most tokens that a model may write, and not where it ends. */
  truncated: boolean;
}

export interface Completion extends Author, Ending {
  /** Empty where it had to cite and did not. */
  text: string;
}

/** No model could write it. `degraded_because` is empty where none is set up. */
export interface NoModel {
  level: 'none';
  degraded_because: readonly Because[];
}

/**
 * A text as it comes. It starts with `begin` and goes on with `text`; `switch` says that another model, who says the same up
 * to here, goes on; `restart` that another begins anew and what came before is void. The last one is `end`, or `none` when
 * nobody can write it.
 */
export type Writing =
  | ({ at: 'begin' | 'switch' | 'restart' } & Author)
  | { at: 'text'; text: string }
  | ({ at: 'end' } & Author & Ending)
  | { at: 'none'; degraded_because: readonly Because[] };

/** What a reader has of a text that is being written. Whoever keeps it can have it gone on with later. */
export interface Draft {
  text: string;
}

/** Models that write: whichever of them can. */
export abstract class Llm {
  /** How well a text would be written now, as far as is known. */
  abstract readonly level: Author['level'] | 'none';

  /** The models that there are, in order of preference. */
  abstract readonly models: readonly { provider: string; model: string }[];

  /** Resolves with whatever became of it; rejects only when the request is over or the mistake is ours. */
  abstract complete(prompt: Prompt): Promise<Completion | NoModel>;

  /**
   * Ends all that it began when its reader stops to read.
   * @param draft of an earlier reading that was cut off; it is kept up to date
   */
  abstract stream(prompt: Prompt, draft?: Draft): AsyncGenerator<Writing>;
}
