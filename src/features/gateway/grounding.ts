import { invalid } from '../../kernel/app-error.js';
import type { Passage } from '../../platform/llm/llm.js';
import { enclosed } from '../../platform/llm/messages.js';
import type { ChatBody } from '../../platform/llm/relay.js';

const INSTRUCTIONS =
  'Answer from the passages below the question. Behind each statement put the numbers of the passages that it rests on in brackets, as in [1]. Where they do not answer, say so.';
const NOTHING_FOUND =
  'The documents that this answer was to rest on hold nothing that fits the question. Say so in the answer.';

type Message = ChatBody['messages'][number];
interface TextPart {
  type: 'text';
  text: string;
}

/**
 * What is to be looked for: the words of the last message of the user.
 * @throws AppError validation_failed where there are none, or where the answer has no place for citations
 */
export function questionOf(body: ChatBody): string {
  const { n, response_format: format } = body as { n?: unknown; response_format?: { type?: unknown } | null };
  if (typeof n === 'number' && n > 1) throw invalid('n', 'must be 1 with metadata.knowledge');
  if (format !== undefined && format !== null && format.type !== 'text')
    throw invalid('response_format', 'must be text with metadata.knowledge: JSON has no place for citations');
  const message = body.messages.findLast(isFromUser);
  const question = textOf(message?.['content']).trim();
  if (question === '')
    throw invalid(
      'messages',
      'must hold a message of the user with a text, by which the documents are searched',
    );
  return question;
}

/** The same body with the passages in it: data, between lines that nobody who wrote one can have known. */
export function groundedBody(body: ChatBody, passages: readonly Passage[]): ChatBody {
  if (passages.length === 0) return { ...body, messages: instructed(body.messages, NOTHING_FOUND) };
  const { note, block } = enclosed(passages);
  const asked = body.messages.findLastIndex(isFromUser);
  const messages = body.messages.map((message, i) =>
    i === asked ? { ...message, content: joined(message['content'], block) } : message,
  );
  return { ...body, messages: instructed(messages, `${INSTRUCTIONS}\n\n${note}`) };
}

/** Behind what the client has said to the model, in the same message: some models take one alone, and only the first. */
function instructed(messages: readonly Message[], text: string): Message[] {
  const [first, ...rest] = messages;
  if (first === undefined || (first['role'] !== 'system' && first['role'] !== 'developer'))
    return [{ role: 'system', content: text }, ...messages];
  return [{ ...first, content: joined(first['content'], text) }, ...rest];
}

function joined(content: unknown, text: string): string | unknown[] {
  if (Array.isArray(content)) return [...(content as unknown[]), { type: 'text', text }];
  return `${textOf(content)}\n\n${text}`;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as Partial<TextPart>[])
    .flatMap((part) => (typeof part?.text === 'string' ? [part.text] : []))
    .join('\n');
}

function isFromUser({ role }: Message): boolean {
  return role === 'user';
}
