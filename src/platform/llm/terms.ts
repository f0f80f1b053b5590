import { stemmer } from 'stemmer';

// Function words of English, and those that questions are made of: they say nothing of what a text is about.
const STOP_WORDS = new Set(
  `a about above after again all also am an and any are as at be because been before being below between both but by can
  could did do does doing down during each few for from further get give had has have having he her here hers him his how
  i if in into is it its itself just let like make me more most must my need no nor not now of off on once only or other our
  out over own please same say shall she should so some such tell than that the their them then there these they this those
  through to too under until up use used using very want was way we were what when where which while who whom whose why will
  with within without would you your`
    .split(/\s+/)
    .filter((w) => w !== ''),
);

const words = new Intl.Segmenter('en', { granularity: 'word' });

/** The stems of the words of a text that carry meaning, in order, repeats kept: "Closing the servers" → close, server. */
export function terms(text: string): string[] {
  const found: string[] = [];
  for (const { segment, isWordLike } of words.segment(
    text.normalize('NFKC').replaceAll(/(?<=\p{Ll})(?=\p{Lu})/gu, ' '),
  )) {
    if (isWordLike !== true) continue;
    const word = segment.toLowerCase();
    if (!STOP_WORDS.has(word)) found.push(stemmer(word));
  }
  return found;
}
