import type { CreateEmbeddingResponse } from 'openai/resources';
import { badReply } from './provider.error.js';

/** The vector of a text that says nothing. It has no direction, and cosine distance knows no zero vector: any will do. */
export function nowhere(dimension: number): Float32Array {
  const vector = new Float32Array(dimension);
  vector[0] = 1;
  return vector;
}

/**
 * Reads the reply to a request for embeddings. Nothing that is not exactly what was asked for gets through: a vector of
 * another dimension would spoil a collection, and one under the wrong index would be another text's.
 * @throws ProviderFailed bad_reply
 */
export function vectorsIn(
  reply: unknown,
  count: number,
  dimension: number,
): { vectors: Float32Array[]; tokens: number } {
  const { data, usage } = (reply ?? {}) as Partial<CreateEmbeddingResponse>;
  if (!Array.isArray(data) || data.length !== count)
    throw badReply(`Not one vector for each of ${count} texts`, false);
  const vectors = new Map<number, Float32Array>();
  for (const entry of data) {
    const { index, embedding } = entry;
    if (!Number.isInteger(index) || index < 0 || index >= count || vectors.has(index))
      throw badReply('The vectors are not numbered as the texts are', false);
    vectors.set(index, unit(embedding, dimension));
  }
  const tokens = usage?.total_tokens;
  return {
    vectors: Array.from({ length: count }, (_, i) => vectors.get(i)!),
    tokens: typeof tokens === 'number' ? tokens : 0,
  };
}

function unit(embedding: unknown, dimension: number): Float32Array {
  if (!Array.isArray(embedding) || embedding.length !== dimension)
    throw badReply(`A vector has not the ${dimension} dimensions of its model`, false);
  if (!embedding.every((x) => typeof x === 'number' && Number.isFinite(x)))
    throw badReply('A vector holds what is no number', false);
  const length = Math.hypot(...(embedding as number[]));
  if (length === 0) throw badReply('A vector has no direction', false);
  return Float32Array.from(embedding as number[], (x) => x / length);
}
