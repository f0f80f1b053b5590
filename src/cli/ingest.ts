import { isDeepStrictEqual } from 'node:util';
import { sha256 } from '../features/knowledge/intake.js';
import type { metadata } from '../http/metadata.js';
import type { z } from 'zod';
import { type Client, type DocumentView, Refused } from './client.js';
import type { FoundFile } from './folder.js';
import { inParallel } from './parallel.js';
import { Settling, type Submitted } from './settling.js';
import { isObstacle, readSource, type Source } from './source.js';

export interface IngestOptions {
  collection: string;
  metadata: z.output<ReturnType<typeof metadata>>;
  /** Stands before the path in every external id: two folders may go into one collection. */
  prefix: string;
  concurrency: number;
  /** Whether to wait until the documents can be found by their meaning too. */
  wait: boolean;
  timeoutMs: number;
  bytesMax: number;
}

/** What became of a file. `waiting`: the service has it, and is not done with it. */
export interface Outcome {
  file: string;
  external_id: string;
  outcome: 'taken' | 'unchanged' | 'waiting' | 'not_taken';
  document_id?: string;
  chunk_count?: number;
  code?: string;
  reason?: string;
}

/**
 * Brings files into the service, each as the document whose external id is its path. What the service has already, to the
 * letter, is not sent again; so a run that was cut off is taken up by running it again.
 */
export class Ingest {
  readonly outcomes: Outcome[] = [];
  private readonly settling: Settling;

  constructor(
    private readonly client: Client,
    private readonly options: IngestOptions,
    private readonly onOutcome: (outcome: Outcome) => void,
  ) {
    this.settling = new Settling(client, options.timeoutMs, (document, view) => this.settled(document, view));
  }

  /** @throws what would happen to every file: the service is away, or refuses these credentials */
  async run(files: readonly FoundFile[], signal: AbortSignal): Promise<void> {
    const send = async (either: AbortSignal) => {
      await inParallel(files, this.options.concurrency, either, (file, s) => this.send(file, s));
      this.settling.close();
    };
    const settle = (either: AbortSignal) => this.settling.run(either);
    try {
      await inParallel(this.options.wait ? [send, settle] : [send], 2, signal, (work, either) =>
        work(either),
      );
    } finally {
      for (const { file, external_id, document_id, trouble } of this.settling.pending) {
        this.end({
          file,
          external_id,
          document_id,
          outcome: 'waiting',
          ...(trouble !== undefined && { reason: trouble }),
        });
      }
    }
  }

  private async send(found: FoundFile, signal: AbortSignal): Promise<void> {
    const { file } = found;
    const external_id = this.options.prefix + file;
    const source = await readSource(found, this.options.bytesMax);
    if (isObstacle(source)) {
      this.end({ file, external_id, outcome: 'not_taken', ...source });
      return;
    }
    try {
      const pending = await this.submit(file, external_id, source, signal);
      if (pending !== undefined) this.settling.add(pending);
    } catch (error) {
      if (!(error instanceof Refused) || error.forAll) throw error;
      this.end({ file, external_id, outcome: 'not_taken', code: error.code, reason: error.message });
    }
  }

  /** @returns what is still to be waited for */
  private async submit(
    file: string,
    external_id: string,
    source: Source,
    signal: AbortSignal,
  ): Promise<Submitted | undefined> {
    const { collection, metadata } = this.options;
    const there = await this.client.find(external_id, collection, signal);
    if (there === undefined || !this.isSame(there, source)) {
      const { title, content, contentType: content_type } = source;
      const document = { title, content, content_type, external_id, collection, metadata };
      const { id } = await this.client.submit(document, signal);
      return { file, external_id, document_id: id, sent: true };
    }
    if (there.status === 'failed') await this.client.retry(there.id, signal);
    const submitted = { file, external_id, document_id: there.id, sent: there.status === 'failed' };
    if (there.status !== 'ready') return submitted;
    this.settled(submitted, there);
    return undefined;
  }

  private isSame(there: DocumentView, { title, content, contentType }: Source): boolean {
    return (
      there.content_sha256 === sha256(content) &&
      there.title === title &&
      there.content_type === contentType &&
      isDeepStrictEqual(there.metadata, this.options.metadata)
    );
  }

  private settled({ file, external_id, document_id, sent }: Submitted, view: DocumentView | undefined): void {
    const facts = { file, external_id, document_id };
    if (view === undefined) {
      this.end({
        ...facts,
        outcome: 'not_taken',
        code: 'not_found',
        reason: 'was deleted while it was being processed',
      });
    } else if (view.status === 'failed') {
      const { code, message } = view.error ?? { code: 'internal', message: 'failed without an explanation' };
      this.end({ ...facts, outcome: 'not_taken', code, reason: message });
    } else {
      this.end({ ...facts, outcome: sent ? 'taken' : 'unchanged', chunk_count: view.chunk_count });
    }
  }

  private end(outcome: Outcome): void {
    this.outcomes.push(outcome);
    this.onOutcome(outcome);
  }
}
