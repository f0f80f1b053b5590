import type { ChatCompletionChunk } from 'openai/resources';
import { badReply, errorOfEvent, ProviderRefused } from './provider.error.js';
import { dataOf } from './server-sent-events.js';

export interface Usage {
  input_tokens: number;
  output_tokens: number;
}

/**
 * What a chunk of an answer says. `sign`: nothing to show, and yet more than a comment: the model thinks aloud. `end`: why
 * the model stopped; only then is the answer whole. `usage` and `done` come behind it, if at all.
 */
export type Piece =
  | { at: 'text'; text: string }
  | { at: 'sign' }
  | { at: 'end'; truncated: boolean }
  | { at: 'usage'; usage: Usage }
  | { at: 'done' };

/**
 * Reads the stream of a chat completion.
 * @throws ProviderFailed for what cannot be read or is an error; ProviderRefused when a filter ended the answer
 */
export async function* piecesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  for await (const data of dataOf(chunks)) {
    if (data === '[DONE]') {
      yield { at: 'done' };
      continue;
    }
    const chunk = parsed(data);
    if (chunk.error !== undefined && chunk.error !== null) throw errorOfEvent(chunk.error);
    const choice = chunk.choices?.find(({ index }) => index === 0);
    const text = choice?.delta?.content;
    if (typeof text === 'string' && text !== '') yield { at: 'text', text };
    else if (thinks(choice?.delta)) yield { at: 'sign' };
    if (typeof choice?.finish_reason === 'string') yield endOf(choice.finish_reason);
    const usage = usageIn(chunk);
    if (usage !== undefined) yield { at: 'usage', usage };
  }
}

/** A chunk as it may really be: any part may be missing. */
type Chunk = { [K in 'choices' | 'usage']?: Partial<ChatCompletionChunk>[K] | null } & { error?: unknown };

function parsed(data: string): Chunk {
  try {
    const chunk: unknown = JSON.parse(data);
    if (typeof chunk === 'object' && chunk !== null) return chunk;
  } catch {
    // said below, as for JSON that is no object
  }
  throw badReply('A part of the answer is no JSON object');
}

/** Said by models that reason, under a name that is not in OpenAI's own API. */
function thinks(delta: object | undefined): boolean {
  const { reasoning_content, reasoning } = (delta ?? {}) as Record<string, unknown>;
  return [reasoning_content, reasoning].some((thought) => typeof thought === 'string' && thought !== '');
}

function endOf(reason: string): Piece {
  if (reason === 'content_filter') throw new ProviderRefused('content_filter');
  return { at: 'end', truncated: reason === 'length' };
}

function usageIn({ usage }: Chunk): Usage | undefined {
  const { prompt_tokens: read, completion_tokens: written } = usage ?? {};
  if (!Number.isInteger(read) || !Number.isInteger(written)) return undefined;
  return { input_tokens: read!, output_tokens: written! };
}
