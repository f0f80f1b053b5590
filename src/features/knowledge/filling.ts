import { Injectable } from '@nestjs/common';
import { Deadline } from '../../kernel/deadline.js';
import { Comparison } from './comparison.js';
import { Projection } from './projection.js';
import { TruthRepository, type TrueDocument } from './truth.repository.js';

/** How many documents were not as they should be, and are now. */
export interface Mended {
  missing: number;
  stale: number;
  surplus: number;
}

export const nothing = (): Mended => ({ missing: 0, stale: 0, surplus: 0 });
export const total = ({ missing, stale, surplus }: Mended): number => missing + stale + surplus;

interface Work {
  /** What the documents call their collection. */
  name: string;
  /** What holds the points: the same, or one that is being built. */
  into: string;
  /** The documents whose points should all be there. */
  expected: (document: TrueDocument) => boolean;
  mended?: Mended;
  /** What to do with a document whose points are missing, where it is not to write them here and now. */
  write?: ((businessId: string, document: TrueDocument) => Promise<void>) | undefined;
  signal: AbortSignal;
}

// Of the largest document that is taken, with an embedder that is slow and has to be asked again.
const DOCUMENT_TIMEOUT_MS = 900_000;

/**
 * Makes a collection hold what the truth says, beside the jobs that do the same. Each step is repeatable and none takes
 * anything from a later version, so that it does not matter who comes first.
 */
@Injectable()
export class Filling {
  constructor(
    private readonly comparison: Comparison,
    private readonly projection: Projection,
    private readonly truth: TruthRepository,
  ) {}

  /** @returns what was mended, beside what `mended` says already */
  async run({ name, into, expected, mended = nothing(), write, signal }: Work): Promise<Mended> {
    const missing = write ?? ((businessId, document) => this.write(businessId, document, into, signal));
    for await (const difference of this.comparison.differences(name, into, expected, signal)) {
      const { what, businessId } = difference;
      if (what === 'missing') await missing(businessId, difference.document);
      else if (what === 'surplus') await this.projection.forget(into, businessId, difference.documentId);
      else
        await this.projection.forget(into, businessId, difference.document.id, difference.document.version);
      mended[what] += 1;
    }
    return mended;
  }

  private async write(
    businessId: string,
    document: TrueDocument,
    into: string,
    signal: AbortSignal,
  ): Promise<void> {
    const deadline = new Deadline(DOCUMENT_TIMEOUT_MS, 'background');
    try {
      await deadline.run(() => this.projection.project(businessId, document, signal, into));
    } finally {
      deadline.release();
    }
    // It may have been deleted or replaced while it was written, and whoever did that may have cleared up before.
    const current = (await this.truth.versions(businessId, [document.id])).get(document.id);
    if (current !== document.version) await this.projection.forget(into, businessId, document.id, current);
  }
}
