import { detectAll } from 'tinyld';

const SAMPLES = 8;
const SAMPLE_CHARS = 400;
// Of 350 readmes whose language is known, what fell below was a guess.
const CERTAINTY_MIN = 0.2;

/**
 * The language that most of a text is written in, as ISO 639-1, or `unknown`. Several samples vote: names, code and lists of
 * links, which are no language, stand together and outvote nobody.
 */
export function languageOf(content: string): string {
  const prose = proseOf(content);
  const stride = Math.max(SAMPLE_CHARS, Math.floor(prose.length / SAMPLES));
  const votes = new Map<string, number>();
  let samples = 0;
  for (let at = 0; at < prose.length && samples < SAMPLES; at += stride, samples++) {
    for (const { lang, accuracy } of detectAll(prose.slice(at, at + SAMPLE_CHARS))) {
      votes.set(lang, (votes.get(lang) ?? 0) + accuracy);
    }
  }
  const [best] = [...votes].toSorted(([, a], [, b]) => b - a);
  return best === undefined || best[1] / samples < CERTAINTY_MIN ? 'unknown' : best[0];
}

// So much holds the samples of any text, and bounds what the patterns below cost.
const PROSE_SOURCE_CHARS_MAX = 200_000;

function proseOf(content: string): string {
  return content
    .slice(0, PROSE_SOURCE_CHARS_MAX)
    .replaceAll(/^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ {0,3}\1/gm, ' ')
    .replaceAll(/\]\([^)\n]*\)|`[^`\n]*`|<[^>\n]*>|https?:\S+/g, ' ')
    .split(/\s+/)
    .filter((word) => !/[_\d]/.test(word))
    .join(' ')
    .replaceAll(/[^\p{L}\p{M}'’., ]+/gu, ' ');
}
