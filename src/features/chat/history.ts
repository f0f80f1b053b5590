import type { Turn } from '../../platform/llm/llm.js';

/** Something that was said, by its place in the conversation. */
export interface Said extends Turn {
  id: string;
}

// English has about so many characters to a token (OpenAI's help page "What are tokens").
const CHARACTERS_PER_TOKEN = 4;

/** What a model is told of what was said, and what has to be summed up because there is no room for it. */
export interface History {
  turns: Turn[];
  /** Oldest first: what was not summed up yet and does not fit. */
  beyond: Said[];
}

/**
 * The newest of what was said that fits, behind the summary of what was said before.
 * @param said since the summary, oldest first
 */
export function within(tokensMax: number, summary: string, said: readonly Said[]): History {
  let left = tokensMax - tokensOf(summary);
  let from = said.length;
  while (from > 0 && tokensOf(said[from - 1]!.content) <= left) {
    from -= 1;
    left -= tokensOf(said[from]!.content);
  }
  // An answer without its question says little.
  while (from < said.length && said[from]!.role === 'assistant') from += 1;
  const turns = said.slice(from).map(({ role, content }): Turn => ({ role, content }));
  return {
    turns: summary === '' ? turns : [...asTurns(summary), ...turns],
    beyond: said.slice(0, from),
  };
}

function asTurns(summary: string): Turn[] {
  return [
    { role: 'user', content: `What we spoke of before, in short: ${summary}` },
    { role: 'assistant', content: 'I remember.' },
  ];
}

function tokensOf(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}
