import type { ChatCompletionChunk } from 'openai/resources';
import type { Usage } from './chat.stream.js';
import { badReply, errorOfEvent } from './provider.error.js';

/**
 * What an event of a streamed answer is. `comment`: nothing. `opening`: it says nothing yet, so that another answer could
 * still begin in its place. `words`: anything that is to be passed on. `usage`: what it cost, and nothing else. `done`.
 */
export type Seen = 'comment' | 'opening' | 'words' | 'usage' | 'done';

/** A chunk as it may really be: any part may be missing. */
interface Chunk {
  choices?: Partial<ChatCompletionChunk.Choice>[] | null;
  usage?: unknown;
  error?: unknown;
}

// Only in these is anything that has to be known. In a text that is a part of JSON, quotation marks are escaped.
const TELLING = /"finish_reason"\s*:\s*"|"(?:usage|error)"\s*:\s*[{"]/;

/** Reads along in a streamed answer that is passed on, and reads no more of it than it must to know whether it is whole. */
export class ChatWatch {
  readonly #finished = new Set<number>();
  #begun = false;
  usage: Usage | null = null;

  /** @param choices how many answers were asked for at once */
  constructor(private readonly choices: number) {}

  /** Whether anything was said. */
  get begun(): boolean {
    return this.#begun;
  }
  /** Whether every answer has come to its end. */
  get whole(): boolean {
    return this.#finished.size >= this.choices;
  }

  /**
   * @param event with its blank line
   * @throws ProviderFailed or ProviderRefused for an error, for what cannot be read, and for `[DONE]` before any end
   */
  see(event: Buffer): Seen {
    const data = dataOf(event);
    if (data === undefined) return 'comment';
    if (data === '[DONE]') {
      if (this.#finished.size === 0) throw badReply('The answer has no end');
      return 'done';
    }
    if (!data.startsWith('{') || !data.endsWith('}'))
      throw badReply('A part of the answer is no JSON object');
    if (this.#begun && !TELLING.test(data)) return 'words';
    return this.#read(chunkIn(event));
  }

  #read({ choices, usage, error }: Chunk): Seen {
    if (error !== undefined && error !== null) throw errorOfEvent(error);
    const counted = usageOf(usage);
    if (counted !== undefined) this.usage = counted;
    for (const { index = 0, finish_reason: reason } of choices ?? [])
      if (typeof reason === 'string') this.#finished.add(index);
    if (counted !== undefined && (choices ?? []).length === 0) return 'usage';
    this.#begun ||= (choices ?? []).some(says);
    return this.#begun ? 'words' : 'opening';
  }
}

/** The chunk in an event. @throws ProviderFailed bad_reply */
export function chunkIn(event: Buffer): Chunk & Record<string, unknown> {
  try {
    return JSON.parse(linesOf(event.toString('utf8'))!) as Chunk & Record<string, unknown>;
  } catch {
    throw badReply('A part of the answer is no JSON object');
  }
}

/** What it cost, by a reply or a chunk of one; undefined where it does not say. */
export function usageOf(usage: unknown): Usage | undefined {
  const { prompt_tokens: read, completion_tokens: written = 0 } = (usage ?? {}) as Record<string, unknown>;
  if (typeof read !== 'number' || typeof written !== 'number') return undefined;
  return { input_tokens: read, output_tokens: written };
}

/** Its data in Latin-1: good enough to look for what is ASCII, and much cheaper than UTF-8. */
function dataOf(event: Buffer): string | undefined {
  return linesOf(event.toString('latin1'));
}

function linesOf(event: string): string | undefined {
  // Nearly all events are one line, with the blank one behind it.
  if (event.startsWith('data:') && event.indexOf('\n') >= event.length - '\n\r\n'.length)
    return event.slice(5).trim();
  const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  return lines.length === 0
    ? undefined
    : lines
        .map((line) => line.slice(5))
        .join('\n')
        .trim();
}

/** Whether it holds anything but who speaks. */
function says({ delta, finish_reason: reason }: Partial<ChatCompletionChunk.Choice>): boolean {
  if (typeof reason === 'string') return true;
  return Object.entries(delta ?? {}).some(
    ([field, value]: [string, unknown]) =>
      field !== 'role' && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0),
  );
}
