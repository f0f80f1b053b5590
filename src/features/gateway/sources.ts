import { grounded, GroundedText } from '../../platform/llm/grounded.text.js';
import type { Material } from '../writing/library.js';
import type { Citation } from '../writing/writing.schemas.js';

interface Choice {
  index?: number;
  message?: { content?: unknown } & Record<string, unknown>;
  delta?: { content?: unknown } & Record<string, unknown>;
  finish_reason?: unknown;
}
type Answer = { choices?: Choice[] } & Record<string, unknown>;

/** An answer in one piece, with what it rests on: `citations` in the message, and their titles behind its text. */
export function withSources(body: Buffer, material: Material): Buffer {
  const answer = JSON.parse(body.toString('utf8')) as Answer;
  const message = answer.choices?.[0]?.message;
  if (message === undefined) return body;
  const { content } = message;
  if (typeof content === 'string' && content !== '') {
    const { text, cited } = grounded(content, material.passages);
    const citations = citationsOf(cited, material);
    Object.assign(message, { content: text + listOf(citations), citations });
  } else message['citations'] = [];
  return Buffer.from(JSON.stringify(answer));
}

/**
 * The same for an answer as it comes: citations and titles come with the last piece of its text.
 * @param events whole events, one or several at once
 */
export async function* streamWithSources(
  events: AsyncGenerator<Buffer>,
  material: Material,
): AsyncGenerator<Buffer> {
  const text = new GroundedText(material.passages);
  for await (const bytes of events) {
    const out = bytes
      .toString('utf8')
      .split(/\r?\n\r?\n/)
      .filter((event) => event !== '')
      .flatMap((event) => rewritten(event, text, material));
    yield Buffer.from(out.map((event) => `${event}\n\n`).join(''));
  }
}

function rewritten(event: string, text: GroundedText, material: Material): string[] {
  const data = event
    .split(/\r?\n/)
    .flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : []))
    .join('\n')
    .trim();
  if (data === '' || data === '[DONE]') return [event];
  const chunk = JSON.parse(data) as Answer;
  const choice = chunk.choices?.[0];
  if (choice === undefined) return [event];
  const { content, ...delta } = choice.delta ?? {};
  const shown = typeof content === 'string' ? text.push(content) : undefined;
  if (typeof choice.finish_reason !== 'string') {
    if (shown === undefined) return [event];
    return [eventOf({ ...chunk, choices: [{ ...choice, delta: { ...delta, content: shown } }] })];
  }
  const rest = (shown ?? '') + text.end();
  const citations = citationsOf(text.cited, material);
  const last = { content: rest + listOf(citations), citations };
  const { usage: _usage, ...facts } = chunk;
  return [
    eventOf({ ...facts, choices: [{ ...choice, delta: last, finish_reason: null }] }),
    eventOf({ ...chunk, choices: [{ ...choice, delta }] }),
  ];
}

function eventOf(chunk: Answer): string {
  return `data: ${JSON.stringify(chunk)}`;
}

function citationsOf(cited: readonly number[], { sources }: Material): Citation[] {
  return cited.map((n, i) => ({ n: i + 1, ...sources[n - 1]! }));
}

function listOf(citations: readonly Citation[]): string {
  if (citations.length === 0) return '';
  const lines = citations.map(({ n, title }) => `[${n}] ${title.replaceAll(/\s+/g, ' ')}`);
  return `\n\nSources:\n${lines.join('\n')}`;
}
