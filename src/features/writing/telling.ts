import { createHash } from 'node:crypto';
import type { StreamEvent } from '../../kernel/stream-event.js';
import type { Draft } from '../../platform/llm/llm.js';
import type { Material, Source } from './library.js';
import { type Origin, type Piece, readyMade, type Written } from './writer.js';
import type { Citation } from './writing.schemas.js';

type Facts = ReturnType<typeof factsOf>;
type Found = Pick<Material, 'retrieval' | 'because' | 'verified'>;

/** What a text says of itself beside its words: `writtenShape`. */
export function factsOf(written: Written<Source>, found: Found) {
  return {
    citations: written.sources.map((source, i): Citation => ({ n: i + 1, ...source })),
    ...openingOf(written, found),
    usage: written.usage,
    truncated: written.truncated,
  };
}

/** What is known of a text before it is written. */
function openingOf({ level, model, because }: Origin, found: Found) {
  return {
    answer_level: level,
    retrieval: found.retrieval,
    degraded_because: [...found.because, ...because],
    verified: found.verified,
    model,
  };
}

/**
 * A text as the events of a stream.
 * @param found what it rests on
 * @param last what the whole answer says: it comes with the last event, beside the hash of the text
 */
export async function* eventsOf(
  pieces: AsyncIterable<Piece<Source>>,
  found: Found,
  last: (written: Written<Source>) => Promise<Readonly<Record<string, unknown>>>,
): AsyncGenerator<StreamEvent> {
  for await (const piece of pieces) {
    switch (piece.at) {
      case 'open':
        yield { event: piece.how === 'begin' ? 'meta' : piece.how, data: openingOf(piece.origin, found) };
        break;
      case 'text':
        yield { event: 'token', data: { text: piece.text } };
        break;
      case 'end':
        yield { event: 'done', data: { sha256: sha256(piece.written.text), ...(await last(piece.written)) } };
    }
  }
}

/** The events of a text that was told before, to somebody who asks for it once more. @param rest all of it but the text */
export function retold(text: string, rest: Facts, draft: Draft): AsyncGenerator<StreamEvent> {
  const {
    citations,
    answer_level: level,
    model,
    degraded_because,
    retrieval,
    verified,
    usage,
    truncated,
  } = rest;
  const sources = citations.map(({ n: _n, ...source }): Source => source);
  const written = { text, sources, level, model, because: degraded_because, usage, truncated, ageS: null };
  return eventsOf(readyMade(written, draft), { retrieval, because: [], verified }, async () => rest);
}

/** Of the UTF-8 of a text, in hexadecimal digits: whoever put its pieces together can see that he has all of it. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
