import { Deadline } from '../../kernel/deadline.js';
import type { Dependency } from '../../resilience/dependency.js';
import { Embedder } from './embedder.js';
import { tokensIn } from './spending.js';

const BATCH_TEXTS = 100;
// A whole batch takes this many times as long as a question.
const BATCH_TIMES = 5;
// The most that it takes of a request's time: the rest is for those who have to do without, and search by words.
const REQUEST_SHARE = 0.5;
// So much earlier the adapter gives up by itself, also in a process that is busy: it knows what it waited for, and its word
// is counted. Where a request leaves less time than that, nothing is.
const MARGIN_MS = 250;

/** The embedding model behind its circuit and time limit, asked for a hundred texts at a time. */
export class GuardedEmbedder extends Embedder {
  readonly adapter: string;
  readonly traits: Embedder['traits'];
  readonly model: string;
  readonly dimension: number;

  /** @param timeoutMs for one text; without it, as long as the dependency allows any call */
  constructor(
    private readonly inner: Embedder,
    private readonly dependency: Dependency,
    private readonly timeoutMs = Infinity,
  ) {
    super();
    this.adapter = inner.adapter;
    this.traits = inner.traits;
    this.model = inner.model;
    this.dimension = inner.dimension;
  }

  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let i = 0; i < texts.length; i += BATCH_TEXTS)
      vectors.push(...(await this.batch(texts.slice(i, i + BATCH_TEXTS))));
    return vectors;
  }

  check(signal: AbortSignal): Promise<void> {
    return this.inner.check(signal);
  }

  private batch(texts: readonly string[]): Promise<Float32Array[]> {
    const attemptMs = batchMs(this.timeoutMs, texts.length);
    return this.dependency.call('embed', (signal) => this.inner.embed(texts, signal, attemptMs), {
      idempotent: true,
      withinMs: inRequest(attemptMs + MARGIN_MS),
      cost: tokensIn(...texts),
    });
  }
}

/** How long a batch may take, where one text may take `timeoutMs`. */
export function batchMs(timeoutMs: number, texts = BATCH_TEXTS): number {
  return timeoutMs * (1 + ((BATCH_TIMES - 1) * (texts - 1)) / (BATCH_TEXTS - 1));
}

/** For how long somebody who waits for it may be kept waiting, retries included; without end where nobody does. */
function inRequest(oneAttemptMs: number): number {
  const deadline = Deadline.current();
  if (deadline?.kind !== 'request') return Infinity;
  return Math.min(oneAttemptMs, REQUEST_SHARE * deadline.remainingMs());
}
