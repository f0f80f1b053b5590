import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Cache, type CacheSpace } from '../../platform/cache/cache.js';
import { Embeddings } from '../knowledge/embeddings.js';
import type { Scope } from '../search/passages.repository.js';
import type { Source } from '../writing/library.js';

/** A question, and everything that its answer depends on beside the documents. */
export interface Asked {
  question: string;
  scope: Scope;
  /** How many passages the answer may rest on. */
  limit: number;
  web: boolean;
}

/** An answer that a model gave, and to what. */
export interface KeptAnswer {
  question: string;
  text: string;
  sources: readonly Source[];
  model: string | null;
  ageS: number;
}

interface Entry extends Omit<KeptAnswer, 'ageS'> {
  /** Which state of the documents it is about. */
  version: string;
  /** Milliseconds since the epoch: other processes read it. */
  atMs: number;
}

interface Recent {
  question: string;
  /** 32-bit floats, as base64. */
  vector: string;
}

// Two questions whose vectors are so near ask for the same, as far as models of 2024 and later can tell. It is for when there
// is no model to answer: whoever asks is told which question was answered.
const NEAR_MIN = 0.97;
const RECENT_MAX = 32;

/** Earlier answers of models, for as long as the documents are the same, and at most ANSWER_CACHE_TTL. */
@Injectable()
export class AnswerCache {
  private readonly answers: CacheSpace;
  private readonly recent: CacheSpace;

  constructor(
    private readonly embeddings: Embeddings,
    settings: Settings,
    cache: Cache,
  ) {
    const options = { entriesMax: settings.ANSWER_CACHE_SIZE, ttlMs: settings.ANSWER_CACHE_TTL * 1_000 };
    this.answers = cache.space({ name: 'answers', ...options });
    this.recent = cache.space({ name: 'answers.recent', ...options });
  }

  /** The answer to the same question. @param version the state of the documents */
  async find(asked: Asked, version: string): Promise<KeptAnswer | undefined> {
    return this.read(asked, asked.question, version);
  }

  /** The answer to the same question, or to one that means the same. */
  async findLike(asked: Asked, version: string): Promise<KeptAnswer | undefined> {
    return (await this.find(asked, version)) ?? (await this.near(asked, version));
  }

  async keep(asked: Asked, version: string, answer: Omit<KeptAnswer, 'ageS' | 'question'>): Promise<void> {
    const { question } = asked;
    const entry: Entry = { ...answer, question, version, atMs: Date.now() };
    await this.answers.set(keyOf(asked, question), Buffer.from(JSON.stringify(entry)));
    const vector = await this.vectorOf(question);
    if (vector === undefined) return;
    // Two that are kept at the same time: one may be lost here, and is then found by its words alone.
    const key = placeOf(asked);
    const others = (await this.listed(key)).filter((other) => other.question !== question);
    const recent: Recent[] = [{ question, vector: toText(vector) }, ...others].slice(0, RECENT_MAX);
    await this.recent.set(key, Buffer.from(JSON.stringify(recent)));
  }

  private async near(asked: Asked, version: string): Promise<KeptAnswer | undefined> {
    const recent = await this.listed(placeOf(asked));
    if (recent.length === 0) return undefined;
    const vector = await this.vectorOf(asked.question);
    if (vector === undefined) return undefined;
    const like = recent
      .map(({ question, vector: other }) => ({ question, likeness: cosine(vector, fromText(other)) }))
      .filter(({ likeness }) => likeness >= NEAR_MIN)
      .toSorted((a, b) => b.likeness - a.likeness);
    for (const { question } of like) {
      const found = await this.read(asked, question, version);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private async read(asked: Asked, question: string, version: string): Promise<KeptAnswer | undefined> {
    const bytes = await this.answers.get(keyOf(asked, question));
    if (bytes === undefined) return undefined;
    const { version: of, atMs, ...answer } = JSON.parse(bytes.toString('utf8')) as Entry;
    if (of !== version) return undefined;
    return { ...answer, ageS: Math.max(0, Math.round((Date.now() - atMs) / 1_000)) };
  }

  private async listed(key: string): Promise<Recent[]> {
    const bytes = await this.recent.get(key);
    return bytes === undefined ? [] : (JSON.parse(bytes.toString('utf8')) as Recent[]);
  }

  /**
   * undefined where vectors say nothing of meaning, or the search could not have one made: whoever could not a moment ago is
   * not asked again.
   */
  private async vectorOf(question: string): Promise<Float32Array | undefined> {
    return this.embeddings.semantic ? this.embeddings.known(question) : undefined;
  }
}

function keyOf(asked: Asked, question: string): string {
  const plain = question.normalize('NFC').trim().replaceAll(/\s+/g, ' ').toLowerCase();
  return digest([placeOf(asked), plain]);
}

/** What all questions share whose answers may stand in for each other. */
function placeOf({ scope: { businessId, collection, filter }, limit, web }: Asked): string {
  const sorted = Object.entries(filter).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return digest([businessId, collection, sorted, limit, web]);
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}

function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return 0;
  let [dot, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    const y = b[i]!;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}

const toText = (vector: Float32Array) =>
  Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
const fromText = (text: string) => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
