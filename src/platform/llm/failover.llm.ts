import { Deadline } from '../../kernel/deadline.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import type { GuardedLlm } from './guarded.llm.js';
import { Llm, type Completion, type Prompt } from './llm.js';
import { ProviderRefused } from './provider.error.js';
import { shareOf } from './share.js';

// What is kept for an answer without a model, and at most this part of what is left.
const QUOTING_MS = 500;
const QUOTING_SHARE = 0.25;
// In less time than this no model says anything.
const ATTEMPT_MIN_MS = 100;

/**
 * Asks the models in their order until one answers, and quotes from the passages when none does: all of that within the
 * time of the request. Nobody is tried twice while somebody else can be asked (docs/decisions/0012).
 */
export class FailoverLlm extends Llm {
  readonly adapter: string;
  readonly traits = { durable: true, shared: true, semantic: true };

  /**
   * @param models in order of preference
   * @param quoting what answers when no model does; cannot fail
   * @param roomMs the time that a model needs to begin an answer
   */
  constructor(
    private readonly models: readonly GuardedLlm[],
    private readonly quoting: Llm,
    private readonly roomMs: number,
  ) {
    super();
    this.adapter = models.map((model) => model.adapter).join(', ');
  }

  async complete(prompt: Prompt): Promise<Completion> {
    if (prompt.passages.length === 0) return this.nothing();
    const because: { dependency: string; reason: string }[] = [];
    const leftMs = untilQuoting();
    for (const [i, model] of this.models.entries()) {
      const followers = this.models.slice(i + 1).filter(({ available }) => available).length;
      const withinMs = shareOf(leftMs(), followers, this.roomMs);
      try {
        if (withinMs < ATTEMPT_MIN_MS) throw new DependencyError(model.name, 'answer', 'timeout', {});
        const completion = await model.attempt(prompt, { withinMs, again: followers === 0 });
        return { ...completion, level: i === 0 ? 'full' : 'fallback_model', degraded_because: because };
      } catch (error) {
        because.push({ dependency: model.name, reason: reasonOf(error) });
      }
    }
    return { ...(await this.quoting.complete(prompt)), degraded_because: because };
  }

  /** There is nothing that an answer could rest on, so nobody is asked: as well as whoever would have been. */
  private nothing(): Completion {
    const first = this.models.findIndex(({ available }) => available);
    return {
      text: '',
      cited: [],
      supported: false,
      level: first === 0 ? 'full' : first > 0 ? 'fallback_model' : 'extractive',
      degraded_because: [],
      model: null,
      usage: null,
      truncated: false,
    };
  }

  /** Passes while any of them does. */
  async check(signal: AbortSignal): Promise<void> {
    await Promise.any(this.models.map((model) => model.check(signal)));
  }
}

/** @returns how much time is left, at any moment, before there would be none to quote in */
function untilQuoting(): () => number {
  const deadline = Deadline.current();
  if (deadline === undefined) return () => Infinity;
  const keptMs = Math.min(QUOTING_MS, QUOTING_SHARE * deadline.remainingMs());
  return () => deadline.remainingMs() - keptMs;
}

/** @throws the error itself where another model could not help: the request is over, or the mistake is ours */
function reasonOf(error: unknown): string {
  if (error instanceof DependencyError) return error.reason;
  if (error instanceof ProviderRefused) return error.why;
  throw error;
}
