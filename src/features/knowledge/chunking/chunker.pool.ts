import { Piscina } from 'piscina';
import { builtFile } from '../../../kernel/built-file.js';
import type { ChunkedDocument, ContentType } from './chunk.js';
import { type ChunkingReply, type ChunkingRequest, fromReply } from './chunker.message.js';
import { chunkDocument } from './chunker.js';
import { OneAtATime } from './one-at-a-time.js';

// So much takes some 10 ms to chunk, about as long as it takes to hand it to a thread and back.
const INLINE_CHARS_MAX = 32 * 1024;

// Ten megabytes of a manual in Markdown take 1 s and of ordinary HTML 2 to 7 s; ten megabytes of nothing but list items
// of one letter take longer than this, and are refused.
const TIME_LIMIT_MS = 20_000;

// Documents are uploaded in bursts, and a thread starts in 100 ms: it stays for the next one, then frees its memory.
const IDLE_MS = 10_000;

// The parsers keep a document in small pieces: ten megabytes of ordinary HTML need 0.5 GB. What needs more fails in its
// thread, not with the whole process.
const HEAP_MB_MAX = 1024;

/** A document that takes more time or memory to read than it may have. */
export class DocumentTooComplex extends Error {
  override readonly name = 'DocumentTooComplex';

  constructor(limit: string, options?: ErrorOptions) {
    super(`Reading the document took more than ${limit} and was stopped`, options);
  }
}

export interface ChunkerPoolOptions {
  /** Of one document's own time in the thread, without its waiting for the thread. */
  timeLimitMs?: number;
  inlineCharsMax?: number;
  idleMs?: number;
}

/**
 * `chunkDocument` beside the event loop. Small documents are chunked at once; the others one after another in a single
 * thread: there are two cores, and the other one answers requests.
 */
export class ChunkerPool {
  private readonly timeLimitMs: number;
  private readonly inlineCharsMax: number;
  private readonly idleMs: number;
  private thread: Piscina<ChunkingRequest, ChunkingReply> | undefined;
  private isClosed = false;
  // Not piscina's own queue: the time limit begins with the work.
  private readonly queue = new OneAtATime();

  constructor(options: ChunkerPoolOptions = {}) {
    this.timeLimitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
    this.inlineCharsMax = options.inlineCharsMax ?? INLINE_CHARS_MAX;
    this.idleMs = options.idleMs ?? IDLE_MS;
  }

  /** An abort rejects at once with the signal's reason, and ends the thread if the document is in it. */
  async chunk(content: string, contentType: ContentType, signal?: AbortSignal): Promise<ChunkedDocument> {
    signal?.throwIfAborted();
    if (content.length <= this.inlineCharsMax) return chunkDocument(content, contentType);

    const reply = await this.queue.run(() => this.run({ content, contentType }, signal), signal);
    return fromReply(content, reply);
  }

  /** Ends the thread, also in the middle of a document, which is then rejected. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.thread?.destroy();
  }

  private async run(request: ChunkingRequest, signal: AbortSignal | undefined): Promise<ChunkingReply> {
    if (this.isClosed) throw new Error('The chunker pool is closed');
    this.thread ??= this.start();
    const limit = AbortSignal.timeout(this.timeLimitMs);
    try {
      return await this.thread.run(request, {
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (limit.aborted) throw new DocumentTooComplex(`${this.timeLimitMs} ms`, { cause: error });
      if ((error as { code?: unknown }).code === 'ERR_WORKER_OUT_OF_MEMORY') {
        throw new DocumentTooComplex(`${HEAP_MB_MAX} MB`, { cause: error });
      }
      throw error;
    }
  }

  private start(): Piscina<ChunkingRequest, ChunkingReply> {
    return new Piscina({
      filename: builtFile(import.meta.url, './chunker.worker.js').href,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: this.idleMs,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
  }
}
