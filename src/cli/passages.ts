import type { Answer } from '../features/answers/answers.schemas.js';
import type { SearchResponse } from './client.js';
import { bold, dim } from './shell.js';

const WIDTH_MAX = 100;
// A quotation is there to be recognized; the document has the rest.
const QUOTE_LINES_MAX = 3;
// So much of the passage is shown before what the answer took from it.
const LEAD_CHARS = 60;
// Enough to find it again.
const SAID_CHARS = 30;

/**
 * An answer for human eyes: the text, what it rests on, and how it came about.
 * @param places where the documents cited come from, by their ids
 */
export function answerLines(answer: Answer, places: ReadonlyMap<string, string>): string[] {
  const { answer_level: level, retrieval, model } = answer;
  return [
    ...answer.answer.split('\n').flatMap((line) => wrap(line, '')),
    '',
    ...answer.citations.flatMap(({ n, title, text, document_id, url }) => [
      `${bold(`[${n}]`)} ${title}${dim(place(url ?? places.get(document_id!)))}`,
      ...quote(text, '    ', saidOf(n, answer.answer)),
    ]),
    ...(answer.citations.length > 0 ? [''] : []),
    dim(`answer level: ${level} · retrieval: ${retrieval}${model === null ? '' : ` · model: ${model}`}`),
    ...degradedLines(answer.degraded_because),
  ];
}

export function hitLines({ hits, ...how }: SearchResponse): string[] {
  return [
    ...hits.flatMap(({ title, text, score, document_id, start, end }, i) => [
      `${bold(`${i + 1}. ${title}`)} ${dim(`score ${score.toPrecision(3)} · document ${document_id} · ${start}–${end}`)}`,
      ...quote(text, '   '),
    ]),
    dim(
      `${hits.length} ${hits.length === 1 ? 'hit' : 'hits'} · retrieval: ${how.retrieval}${how.verified ? '' : ' · not verified'} · ${how.took_ms} ms`,
    ),
    ...degradedLines(how.degraded_because),
  ];
}

function place(where: string | undefined): string {
  return where === undefined ? '' : ` · ${where}`;
}

function degradedLines(degraded: Answer['degraded_because']): string[] {
  return degraded.map(({ dependency, reason }) => `less than it might be: ${dependency} (${reason})`);
}

/** @param said what should be seen of the passage, if it is in it */
function quote(text: string, indent: string, said?: string): string[] {
  const plain = readable(text);
  const at = said === undefined ? -1 : plain.indexOf(said);
  const from = at < LEAD_CHARS ? 0 : plain.indexOf(' ', at - LEAD_CHARS) + 1;
  const lines = wrap(from === 0 ? plain : `… ${plain.slice(from)}`, indent);
  if (lines.length <= QUOTE_LINES_MAX) return lines.map(dim);
  return [...lines.slice(0, QUOTE_LINES_MAX - 1), `${lines[QUOTE_LINES_MAX - 1]} …`].map(dim);
}

/** The beginning of the first paragraph of an answer that rests on citation n: an extractive one stands in the passage. */
function saidOf(n: number, answer: string): string | undefined {
  return answer
    .split('\n')
    .find((paragraph) => paragraph.includes(`[${n}]`))
    ?.slice(0, SAID_CHARS);
}

/** On one line, without what Markdown needs and a reader does not. */
function readable(text: string): string {
  return text
    .replaceAll(/<[^>\s][^>]*>/g, '')
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/^\s*(#{1,6}|[-+*>])\s+/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** Breaks at spaces; a word that is longer than a line is left whole, to be copied. */
function wrap(text: string, indent: string): string[] {
  const width = Math.max(20, Math.min(process.stdout.columns ?? WIDTH_MAX, WIDTH_MAX) - 2);
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length > indent.length && line.length + word.length + 1 > width) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  return [...lines, line];
}
