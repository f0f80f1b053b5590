import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Embedder } from './embedder.js';
import { terms } from './terms.js';

// The most that PostgreSQL keeps inside the row (2 kB): 512 dimensions made an exact scan five times slower.
const DIMENSION = 384;
// A pair of neighbours says more than its two words, and is seen more rarely.
const PAIR_WEIGHT = 0.5;
const TEXTS_AT_ONCE = 16;

/**
 * Feature hashing (Weinberger et al., 2009): each stem, and each pair of neighbours, adds to one of the dimensions with a
 * sign of its own. It needs no model and knows no meaning: two texts are near when they share words.
 */
export class HashingEmbedder extends Embedder {
  readonly adapter = 'hashing';
  readonly traits = { durable: true, shared: false, semantic: false };
  readonly model = `hashing-${DIMENSION}`;
  readonly dimension = DIMENSION;

  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (const [i, text] of texts.entries()) {
      // A batch takes tens of milliseconds: others get their turn in between.
      if (i % TEXTS_AT_ONCE === TEXTS_AT_ONCE - 1) await setImmediate();
      vectors.push(embed(text));
    }
    return vectors;
  }

  async check(): Promise<void> {}
}

function embed(text: string): Float32Array {
  const counts = new Map<string, number>();
  const found = terms(text);
  for (const [i, term] of found.entries()) {
    counts.set(term, (counts.get(term) ?? 0) + 1);
    const next = found[i + 1];
    if (next !== undefined) counts.set(`${term} ${next}`, (counts.get(`${term} ${next}`) ?? 0) + PAIR_WEIGHT);
  }
  const vector = new Float32Array(DIMENSION);
  for (const [feature, count] of counts) {
    const hash = createHash('md5').update(feature).digest();
    const sign = hash[0]! % 2 === 0 ? 1 : -1;
    vector[hash.readUInt32LE(4) % DIMENSION]! += sign * Math.log1p(count);
  }
  return toUnit(vector);
}

/** A text without words has no direction; any fixed one will do, since cosine distance knows no zero vector. */
function toUnit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  if (length === 0) {
    vector[0] = 1;
    return vector;
  }
  return vector.map((x) => x / length);
}
