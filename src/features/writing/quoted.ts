import { quote } from '../../platform/llm/quotation.js';
import type { Material, Source } from './library.js';
import type { Substitute } from './writer.js';

/** What the passages themselves say to a question; `otherwise`, where they say nothing to it. */
export function quoted(
  question: string,
  { passages, sources }: Material,
  otherwise: string,
): Substitute<Source> {
  const { text, cited } = quote(question, passages);
  return {
    level: 'extractive',
    model: null,
    ageS: null,
    text: text === '' ? otherwise : text,
    sources: cited.map((n) => sources[n - 1]!),
  };
}
