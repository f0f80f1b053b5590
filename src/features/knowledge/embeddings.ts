import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Cache, type CacheSpace } from '../../platform/cache/cache.js';
import { Embedder } from '../../platform/llm/embedder.js';

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Embeddings in batches, each text embedded once while the cache remembers it. */
@Injectable()
export class Embeddings {
  private readonly space: CacheSpace;

  constructor(
    private readonly embedder: Embedder,
    private readonly settings: Settings,
    cache: Cache,
  ) {
    this.space = cache.space({
      name: 'embeddings',
      entriesMax: settings.EMBEDDING_CACHE_SIZE,
      ttlMs: settings.EMBEDDING_CACHE_TTL * 1_000,
    });
  }

  /** Whether likeness of vectors is likeness of meaning. */
  get semantic(): boolean {
    return this.embedder.traits.semantic;
  }

  /** The vector of a text that was embedded a while ago: nobody is asked for it. */
  async known(text: string): Promise<Float32Array | undefined> {
    return this.read(this.key(text));
  }

  /** @returns one vector a text, in order */
  async of(texts: readonly string[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let i = 0; i < texts.length; i += this.settings.VECTOR_SEARCH_BATCH_SIZE) {
      vectors.push(...(await this.batch(texts.slice(i, i + this.settings.VECTOR_SEARCH_BATCH_SIZE))));
    }
    return vectors;
  }

  private async batch(texts: readonly string[]): Promise<Float32Array[]> {
    const keys = texts.map((text) => this.key(text));
    const vectors = await Promise.all(keys.map((key) => this.read(key)));
    const missing = [...vectors.keys()].filter((i) => vectors[i] === undefined);
    if (missing.length > 0) {
      const made = await this.embedder.embed(missing.map((i) => texts[i]!));
      await Promise.all(
        missing.map(async (i, n) => {
          vectors[i] = made[n]!;
          await this.space.set(keys[i]!, toBytes(made[n]!));
        }),
      );
    }
    return vectors as Float32Array[];
  }

  private async read(key: string): Promise<Float32Array | undefined> {
    const bytes = await this.space.get(key);
    return bytes?.length === BYTES * this.embedder.dimension ? toVector(bytes) : undefined;
  }

  private key(text: string): string {
    const { model, dimension } = this.embedder;
    return createHash('sha256').update(`${model}\0${dimension}\0`).update(text).digest('base64url');
  }
}

function toBytes(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

function toVector(bytes: Buffer): Float32Array {
  // A copy: a buffer from a pool may begin anywhere, and a Float32Array only at a multiple of four.
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
