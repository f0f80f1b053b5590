import { Deadline } from '../../kernel/deadline.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { grounded } from './grounded.text.js';
import type { Attempt, GuardedModel } from './guarded.model.js';
import {
  type Author,
  type Because,
  type Completion,
  type Draft,
  Llm,
  type NoModel,
  type Prompt,
  type Writing,
} from './llm.js';
import { ProviderRefused } from './provider.error.js';
import { Reading, type Shown } from './reading.js';
import { shareOf } from './share.js';

// What is kept for an answer without a model, and at most this part of what is left.
const WITHOUT_MODEL_MS = 500;
const WITHOUT_MODEL_SHARE = 0.25;
// In less time than this no model says anything.
const ATTEMPT_MIN_MS = 100;

interface Candidate {
  model: GuardedModel;
  attempt: Attempt;
  level: Author['level'];
}

/**
 * Asks the models in their order until one writes the text: all of that within the time of the request. Nobody is tried
 * twice while somebody else can be asked (docs/decisions/0012).
 */
export class FailoverLlm extends Llm {
  /**
   * @param guarded in order of preference
   * @param roomMs the time that a model needs to begin
   */
  constructor(
    private readonly guarded: readonly GuardedModel[],
    private readonly roomMs: number,
  ) {
    super();
  }

  get models() {
    return this.guarded.map(({ provider, model }) => ({ provider, model }));
  }

  get level(): Author['level'] | 'none' {
    const first = this.guarded.findIndex(({ available }) => available);
    return first === -1 ? 'none' : levelOf(first);
  }

  async complete(prompt: Prompt): Promise<Completion | NoModel> {
    const because: Because[] = [];
    for (const { model, attempt, level } of this.candidates(because)) {
      try {
        const { text: raw, usage, truncated } = await model.write(prompt, attempt);
        const author = { level, model: model.model, degraded_because: because };
        if (prompt.unread === true) return { ...author, text: raw, cited: [], usage, truncated };
        const { text, cited } = grounded(raw, prompt.passages);
        const shown = prompt.mustCite === true && cited.length === 0 ? '' : text;
        return { ...author, text: shown, cited, usage, truncated };
      } catch (error) {
        because.push({ dependency: model.name, reason: reasonOf(error) });
      }
    }
    return { level: 'none', degraded_because: because };
  }

  async *stream(prompt: Prompt, draft: Draft = { text: '' }): AsyncGenerator<Writing> {
    const because: Because[] = [];
    for (const candidate of this.candidates(because)) {
      try {
        yield* this.streamOf(candidate, prompt, draft, because);
        return;
      } catch (error) {
        because.push({ dependency: candidate.model.name, reason: reasonOf(error) });
      }
    }
    yield { at: 'none', degraded_because: [...because] };
  }

  /** The text of one model, behind what the reader has. */
  private async *streamOf(
    { model, attempt, level }: Candidate,
    prompt: Prompt,
    draft: Draft,
    because: readonly Because[],
  ): AsyncGenerator<Writing> {
    const reading = new Reading(prompt, draft);
    const author = { level, model: model.model, degraded_because: [...because] };
    const pieces = function* (shown: Shown | undefined): Generator<Writing> {
      if (shown?.opening !== undefined) yield { at: shown.opening, ...author };
      if (shown !== undefined) yield { at: 'text', text: shown.text };
    };
    for await (const event of model.stream(prompt, attempt)) {
      if (event.at === 'text') yield* pieces(reading.push(event.text));
      else {
        yield* pieces(reading.end());
        const { usage, truncated } = event;
        yield { at: 'end', ...author, cited: reading.cited, usage, truncated };
      }
    }
  }

  /** Who is to be asked, one after the other, and how long each may take. */
  private *candidates(because: Because[]): Generator<Candidate> {
    const leftMs = untilTooLate();
    for (const [i, model] of this.guarded.entries()) {
      const followers = this.guarded.slice(i + 1).filter(({ available }) => available).length;
      const withinMs = shareOf(leftMs(), followers, this.roomMs);
      if (withinMs < ATTEMPT_MIN_MS) because.push({ dependency: model.name, reason: 'timeout' });
      else yield { model, attempt: { withinMs, again: followers === 0 }, level: levelOf(i) };
    }
  }
}

function levelOf(place: number): Author['level'] {
  return place === 0 ? 'full' : 'fallback_model';
}

/** @returns how much time is left, at any moment, before there would be none to answer in without a model */
function untilTooLate(): () => number {
  const deadline = Deadline.current();
  if (deadline === undefined) return () => Infinity;
  const keptMs = Math.min(WITHOUT_MODEL_MS, WITHOUT_MODEL_SHARE * deadline.remainingMs());
  return () => deadline.remainingMs() - keptMs;
}

/** @throws the error itself where another model could not help: the request is over, or the mistake is ours */
function reasonOf(error: unknown): string {
  if (error instanceof DependencyError) return error.reason;
  if (error instanceof ProviderRefused) return error.why;
  throw error;
}
