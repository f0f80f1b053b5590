import { sleep } from '../kernel/abort.js';
import { type Client, type DocumentView, Refused } from './client.js';
import { inParallel } from './parallel.js';

/** A document that the service has and may not be done with. */
export interface Submitted {
  file: string;
  external_id: string;
  document_id: string;
  /** False for one that was there, unchanged, before this run. */
  sent: boolean;
  /** What the service says holds it up. */
  trouble?: string;
}

const POLL_MIN_MS = 150;
const POLL_MAX_MS = 2_000;
const AT_ONCE = 4;
// What is asked with a long backlog takes time from working it off: at most a fifth of it.
const RESTRAINT = 4;

/**
 * Waits until documents are ready or failed. It asks for the lists of what the service still works on, which is a request or
 * two however many documents there are, and then once for each that is on neither.
 */
export class Settling {
  private readonly documents = new Map<string, Submitted>();
  private untilMs: number | undefined;

  /** @param onSettled is told of each; without a view of those that are gone */
  constructor(
    private readonly client: Client,
    private readonly timeoutMs: number,
    private readonly onSettled: (document: Submitted, view: DocumentView | undefined) => void,
  ) {}

  add(document: Submitted): void {
    this.documents.set(document.document_id, document);
  }

  /** No more will be added: from now on the time counts. */
  close(): void {
    this.untilMs = performance.now() + this.timeoutMs;
  }

  get pending(): Iterable<Submitted> {
    return this.documents.values();
  }

  /** Resolves when all have settled, or the time is up and some are left. */
  async run(signal: AbortSignal): Promise<void> {
    for (let waitMs = POLL_MIN_MS; ;) {
      const startedMs = performance.now();
      const hasChanged = this.documents.size > 0 && (await this.look(signal));
      const tookMs = performance.now() - startedMs;
      const { untilMs } = this;
      if (untilMs !== undefined && (this.documents.size === 0 || performance.now() > untilMs)) return;
      waitMs = hasChanged ? POLL_MIN_MS : Math.min(1.5 * waitMs, POLL_MAX_MS);
      await sleep(Math.max(waitMs, RESTRAINT * tookMs), signal);
    }
  }

  /** @returns whether the service was done with any of them */
  private async look(signal: AbortSignal): Promise<boolean> {
    const asked = [...this.documents.values()];
    const busy = await this.client.unsettled(signal);
    for (const { id, error } of busy) {
      const document = this.documents.get(id);
      if (document !== undefined && error !== null) document.trouble = error.message;
    }
    const ids = new Set(busy.map(({ id }) => id));
    const done = asked.filter((document) => !ids.has(document.document_id));
    await inParallel(done, AT_ONCE, signal, (document, s) => this.settle(document, s));
    return done.length > 0;
  }

  private async settle(document: Submitted, signal: AbortSignal): Promise<void> {
    const view = await this.view(document.document_id, signal);
    // On neither list, and not done: it went from one to the other in between.
    if (view !== undefined && view.status !== 'ready' && view.status !== 'failed') return;
    this.documents.delete(document.document_id);
    this.onSettled(document, view);
  }

  private async view(id: string, signal: AbortSignal): Promise<DocumentView | undefined> {
    try {
      return await this.client.document(id, signal);
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return undefined;
      throw error;
    }
  }
}
