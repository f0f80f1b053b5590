import type { ChatBody } from './relay.js';
import { tokensIn } from './spending.js';

// An image or a file: providers reckon some hundreds of tokens to a few thousand, whatever its bytes.
const PART_TOKENS = 1_000;

/** How many tokens a provider will reckon for a body: what it reads, and the most that it may write. */
export function chatCost(body: ChatBody, tokensMax: number): number {
  const { messages, tools, response_format: format, max_tokens: old, max_completion_tokens: limit } = body;
  const written = [limit, old].find((tokens) => typeof tokens === 'number');
  const beside = [tools, format].map((part) => (part === undefined ? '' : JSON.stringify(part)));
  const read = messages.reduce((sum, message) => sum + messageCost(message), tokensIn(...beside));
  return read + (written ?? tokensMax);
}

function messageCost({ content, tool_calls: calls }: Readonly<Record<string, unknown>>): number {
  const called = calls === undefined ? 0 : tokensIn(JSON.stringify(calls));
  if (typeof content === 'string') return called + tokensIn(content);
  if (!Array.isArray(content)) return called;
  return (content as { text?: unknown }[]).reduce(
    (sum, part) => sum + (typeof part?.text === 'string' ? tokensIn(part.text) : PART_TOKENS),
    called,
  );
}
