import { Injectable } from '@nestjs/common';
import { CollectionMismatch, VectorStore } from '../../platform/vector-store/vector-store.js';
import { sleep } from '../../kernel/abort.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { Collections } from './collections.js';
import { Filling, type Mended, nothing, total } from './filling.js';
import type { TrueDocument } from './truth.repository.js';

export interface Rebuilt {
  collection: string;
  /** The collection that the name stands for now. */
  into: string;
  /** What was written before the name moved, and what had changed meanwhile and was written after. */
  filled: Mended;
  caughtUp: Mended;
  dropped: string[];
}

// A busy service changes something during each of them; what the last one leaves is caught up with after the move.
const PASSES_MAX = 5;
// Together some ten minutes: a restart, a rate limit. What lasts longer ends it, and the next run goes on from there.
const INTERRUPTIONS_MAX = 24;
const WAIT_MIN_MS = 500;
const WAIT_MAX_MS = 30_000;

/**
 * Builds a collection anew from the database, beside the one in use, and puts it in its place in one step: no search finds
 * less than before, and none fails. What changes meanwhile is not lost (docs/decisions/0011). It may be cut off anywhere and
 * run again: it goes on with what it had built.
 */
@Injectable()
export class Rebuild {
  constructor(
    private readonly store: VectorStore,
    private readonly collections: Collections,
    private readonly filling: Filling,
  ) {}

  async run(name: string, signal: AbortSignal): Promise<Rebuilt> {
    this.collections.assertKnown(name);
    const into = await this.begin(name);
    const filled = nothing();
    for (let pass = 0, before = -1; total(filled) > before && pass < PASSES_MAX; pass += 1) {
      before = total(filled);
      await this.pass(name, into, filled, signal);
    }
    await this.store.alias(name, into);
    const caughtUp = nothing();
    await this.pass(name, into, caughtUp, signal);
    return { collection: name, into, filled, caughtUp, dropped: await this.dropEarlier(name, into) };
  }

  /** Goes over the whole collection once, and again from the beginning when something was away: what is written is written. */
  private async pass(name: string, into: string, mended: Mended, signal: AbortSignal): Promise<void> {
    for (let interrupted = 0; ; interrupted += 1) {
      try {
        await this.filling.run({ name, into, expected, mended, signal });
        return;
      } catch (error) {
        const passes =
          error instanceof DependencyError && (error.transient || error.retryAfterMs !== undefined);
        if (!passes || interrupted >= INTERRUPTIONS_MAX) throw error;
        const waitMs = Math.min(WAIT_MIN_MS * 2 ** interrupted, WAIT_MAX_MS);
        await sleep(Math.max(waitMs, error.retryAfterMs ?? 0), signal);
      }
    }
  }

  /** @returns the collection to build: one that was left unfinished, or a new one */
  private async begin(name: string): Promise<string> {
    const generations = await this.generations(name);
    const live = generations.find(({ alias }) => alias === name)?.generation ?? 0;
    const last = generations.at(-1)?.generation ?? 0;
    const spec = this.collections.spec(name);
    const resumed = last > live ? last : last + 1;
    try {
      await this.store.create(spec, `${name}_${resumed}`);
      return `${name}_${resumed}`;
    } catch (error) {
      // What was left unfinished is of another model.
      if (!(error instanceof CollectionMismatch)) throw error;
      await this.store.create(spec, `${name}_${resumed + 1}`);
      return `${name}_${resumed + 1}`;
    }
  }

  /** Those before it only: of what comes after, another rebuild may be at work. */
  private async dropEarlier(name: string, into: string): Promise<string[]> {
    const generations = await this.generations(name);
    const reached = generations.find((view) => view.name === into)?.generation ?? 0;
    const earlier = generations.filter(
      ({ generation, alias }) => generation < reached && alias === undefined,
    );
    for (const { name: old } of earlier) await this.store.drop(old);
    return earlier.map(({ name: old }) => old);
  }

  /** Every collection that was ever built for a name and is still there, the oldest first. */
  private async generations(name: string) {
    const form = new RegExp(`^${name}_([1-9][0-9]*)$`);
    const views = await this.store.collections();
    return views
      .map((view) => ({ ...view, generation: Number(form.exec(view.name)?.[1]) }))
      .filter(({ generation, alias }) => generation > 0 && (alias === undefined || alias === name))
      .toSorted((a, b) => a.generation - b.generation);
  }
}

// One that a job works on as well: the job may have begun when the name stood for the old collection. And one whose page
// is to be fetched anew: it is found by what it said until it says something else, which may be never.
function expected({ status, fetch_due }: TrueDocument): boolean {
  return status === 'ready' || status === 'processing' || fetch_due;
}
