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

/**
 * Checks a reply to a request for embeddings that is somebody else's, and brings its vectors into the order of the texts and
 * the form that was asked for: some providers know only one. How long a vector is, is the provider's business.
 * @returns the reply anew where its form was another; undefined where it can stay as it is
 * @throws ProviderFailed bad_reply
 */
export function encodedVectors(
  reply: Record<string, unknown>,
  count: number,
  dimension: number,
  format: 'float' | 'base64',
): Buffer | undefined {
  const { data } = reply;
  if (!Array.isArray(data) || data.length !== count)
    throw badReply(`Not one vector for each of ${count} texts`, false);
  const entries = data as { index?: unknown; embedding?: unknown }[];
  for (const entry of entries)
    if (dimensionOf(entry?.embedding) !== dimension)
      throw badReply(`A vector has not the ${dimension} dimensions of its model`, false);
  // Some clients go by the order alone.
  const byIndex = new Map(entries.map((entry) => [entry.index, entry]));
  const ordered = Array.from({ length: count }, (_, i) => byIndex.get(i));
  if (ordered.includes(undefined)) throw badReply('The vectors are not numbered as the texts are', false);
  const wanted = format === 'base64' ? 'string' : 'object';
  if (ordered.every((entry, i) => entry === entries[i] && typeof entry!.embedding === wanted))
    return undefined;
  const anew = ordered.map((entry) => ({ ...entry, embedding: inForm(entry!.embedding, format) }));
  return Buffer.from(JSON.stringify({ ...reply, data: anew }));
}

const FLOAT_BYTES = 4;

function dimensionOf(embedding: unknown): number {
  if (typeof embedding === 'string') return Buffer.byteLength(embedding, 'base64') / FLOAT_BYTES;
  return Array.isArray(embedding) && embedding.every((x) => Number.isFinite(x)) ? embedding.length : -1;
}

/** Base64 of 32-bit floats, little-endian, as OpenAI's API has it; or a list of numbers. */
function inForm(embedding: unknown, format: 'float' | 'base64'): unknown {
  if (format === 'base64')
    return typeof embedding === 'string' ? embedding : floats(embedding as number[]).toString('base64');
  if (typeof embedding !== 'string') return embedding;
  const bytes = Buffer.from(embedding, 'base64');
  return Array.from({ length: bytes.length / FLOAT_BYTES }, (_, i) => bytes.readFloatLE(i * FLOAT_BYTES));
}

function floats(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * FLOAT_BYTES);
  for (const [i, x] of numbers.entries()) bytes.writeFloatLE(x, i * FLOAT_BYTES);
  return bytes;
}
