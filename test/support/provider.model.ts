import { createHash } from 'node:crypto';

// What stands for the weights of a model: enough to answer from passages and to tell likeness, the same way each time.

const STOP_WORDS = new Set(
  'a an and are at by can do does for from have how i in is it its me my of on or that the this to was what when where which who why with you'.split(
    ' ',
  ),
);

/** The words of a text that carry meaning, without their commonest endings. */
function wordsOf(text: string): string[] {
  return (text.toLowerCase().match(/\p{L}+|\p{N}+/gu) ?? [])
    .filter((word) => !STOP_WORDS.has(word))
    .map((word) => word.replace(/(ing|ly|ed|s)$/, ''));
}

/**
 * Answers a prompt that holds `Question: …` and passages that begin with `[n] `: it quotes the sentence that shares most
 * words with the question, or says that none does. Anything else it echoes.
 */
export function answerTo(prompt: string): string {
  const question = /^Question: (.*)$/m.exec(prompt)?.[1];
  if (question === undefined) return `You said: ${prompt}`;
  const asked = new Set(wordsOf(question));
  const passages = prompt
    .split(/^(?=\[\d+\] )/m)
    .slice(1)
    .map(
      (passage) =>
        /^\[(?<n>\d+)\] [^\n]*\n(?<text>[^]*)/.exec(passage)!.groups as { n: string; text: string },
    );
  let best = { share: 0, text: '', n: '' };
  for (const { n, text } of passages) {
    for (const sentence of text.split(/\n\s*\n|(?<=[.!?])\s+/).map((s) => s.trim())) {
      const shared = new Set(wordsOf(sentence).filter((word) => asked.has(word))).size;
      const share = shared / Math.max(1, asked.size);
      if (share > best.share) best = { share, text: sentence.replaceAll(/\s+/g, ' '), n };
    }
  }
  return best.share < 0.5 ? 'The passages do not say.' : `${best.text} [${best.n}]`;
}

export function tokensOf(text: string): string[] {
  return text.match(/\s*\S+\s*?/g) ?? [];
}

/** Each word adds to one dimension, with a sign of its own: texts are near when they share words. Of length 1. */
export function vectorOf(text: string, dimension: number): number[] {
  const vector = Array.from({ length: dimension }, () => 0);
  for (const word of wordsOf(text)) {
    const hash = createHash('sha256').update(word).digest();
    vector[hash.readUInt32LE(0) % dimension]! += hash[4]! % 2 === 0 ? 1 : -1;
  }
  const length = Math.hypot(...vector);
  if (length === 0) vector[0] = 1;
  return length === 0 ? vector : vector.map((x) => x / length);
}
