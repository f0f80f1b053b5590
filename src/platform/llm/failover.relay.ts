import { AppError, invalid } from '../../kernel/app-error.js';
import { Deadline, DeadlineExceeded } from '../../kernel/deadline.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import type { Dependency } from '../../resilience/dependency.js';
import type { ChatRelay, EmbeddingRelay } from './guarded.relay.js';
import type { Attempt } from './guarded.model.js';
import type { Author } from './llm.js';
import { type ProviderReply, ProviderRefused } from './provider.error.js';
import {
  ANY_MODEL,
  type ChatBody,
  type EmbeddingBody,
  Relay,
  type RelayBody,
  type Relayed,
  type RelayedModel,
  RelayRefused,
  type RelayedStream,
} from './relay.js';
import { shareOf } from './share.js';

// In less time than this nobody says anything.
const ATTEMPT_MIN_MS = 100;
// What a client is told to wait where no provider named a time.
const RETRY_AFTER_MS = 1_000;
// A request with no more left than this is over, by the margins within which those it asked gave up.
const OVER_MS = 250;

// More room than there ever is.
const EQUAL_PARTS = Number.MAX_SAFE_INTEGER;

interface Target {
  model: string;
  provider: string;
  dependency: Dependency;
}

/** Asks those that have the model in their order, until one begins to answer: all of that within the time of the request. */
export class FailoverRelay extends Relay {
  /**
   * @param chats in order of preference
   * @param embedders which make the same vectors
   * @param roomMs the time that a model needs to begin
   */
  constructor(
    private readonly chats: readonly ChatRelay[],
    private readonly embedders: readonly EmbeddingRelay[],
    private readonly roomMs: number,
  ) {
    super();
  }

  get models(): RelayedModel[] {
    const all = [...this.chats, ...this.embedders].map(({ model: id, provider }) => ({ id, provider }));
    return all.filter(({ id }, i) => all.findIndex((other) => other.id === id) === i);
  }

  async chat(body: ChatBody): Promise<Relayed> {
    // An answer in one piece may be late by right until it is there: each has an equal part of the time for it.
    return this.first(chosen(this.chats, body), EQUAL_PARTS, async (relay, attempt) => ({
      body: await relay.chat(body, attempt),
    }));
  }

  async chatStream(body: ChatBody): Promise<RelayedStream> {
    return this.first(chosen(this.chats, body), this.roomMs, async (relay, attempt) => {
      const events = relay.stream(body, attempt);
      return { events: follow(await events.next(), events) };
    });
  }

  async embeddings(body: EmbeddingBody): Promise<Relayed> {
    const able = chosen(this.embedders, body);
    const { dimension } = able[0]!;
    if (body.dimensions !== undefined && body.dimensions !== dimension)
      throw invalid(
        'dimensions',
        `must be ${dimension}, or be left out: vectors of that length are set up here`,
      );
    return this.first(able, this.roomMs, async (relay, attempt) => ({
      body: await relay.embeddings(body, attempt),
    }));
  }

  /** What the first of them that can makes of it. */
  private async first<T extends Target, R>(
    targets: readonly T[],
    roomMs: number,
    ask: (target: T, attempt: Attempt) => Promise<R>,
  ): Promise<R & { level: Author['level'] }> {
    const deadline = Deadline.current();
    const failures: DependencyError[] = [];
    for (const [i, target] of targets.entries()) {
      const followers = targets.slice(i + 1).filter(({ dependency }) => dependency.circuit.at === 'closed');
      const withinMs = shareOf(deadline?.remainingMs() ?? Infinity, followers.length, roomMs);
      try {
        if (withinMs < ATTEMPT_MIN_MS)
          throw new DependencyError(target.dependency.name, 'relay', 'timeout', {});
        const result = await ask(target, { withinMs, again: followers.length === 0 });
        return { ...result, level: i === 0 ? 'full' : 'fallback_model' };
      } catch (error) {
        failures.push(passedOver(error));
      }
    }
    throw nobody(failures, deadline);
  }
}

/** Those that have the model that a body names; all of them, where it leaves that open. */
function chosen<T extends Target>(all: readonly T[], { model = ANY_MODEL }: RelayBody): readonly T[] {
  if (all.length === 0) {
    const detail =
      'No model is set up here: name a provider in LLM_PROVIDERS, and in <NAME>_MODEL or <NAME>_EMBEDDING_MODEL what it is asked for';
    throw new AppError('dependency_unavailable', detail, { retryAfterMs: RETRY_AFTER_MS });
  }
  const able = model === ANY_MODEL ? all : all.filter((target) => target.model === model);
  if (able.length > 0) return able;
  const message = `The model ${JSON.stringify(model.slice(0, 100))} does not exist here, or is not one for this: GET /v1/models lists them, and ${ANY_MODEL} is whichever can`;
  throw new AppError('not_found', message, { errors: [{ path: 'model', message }] });
}

/** @throws what another provider could not help with: the request is over, or at fault */
function passedOver(error: unknown): DependencyError {
  if (error instanceof DependencyError) return error;
  if (error instanceof ProviderRefused) throw refusal(error);
  throw error;
}

function refusal(error: ProviderRefused): RelayRefused {
  const { status, body } = error.reply ?? { status: 400, body: '' };
  return new RelayRefused(status, isOpenAiError(body) ? body : JSON.stringify(inOurWords(error, status)));
}

function inOurWords({ why, param }: ProviderRefused, status: ProviderReply['status']) {
  const message = `The provider refused the request with ${status}`;
  return { error: { message, type: 'invalid_request_error', param: param ?? null, code: why } };
}

function isOpenAiError(body: string): boolean {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === 'object' && error !== null;
  } catch {
    return false;
  }
}

function nobody(failures: readonly DependencyError[], deadline: Deadline | undefined): Error {
  const late = failures.every(({ reason }) => reason === 'timeout' || reason === 'hung');
  if (late && deadline !== undefined && deadline.remainingMs() < OVER_MS)
    return new DeadlineExceeded(deadline.budgetMs);
  const limited = failures.every(({ reason }) => reason === 'rate_limited');
  const waits = failures.map(({ retryAfterMs }) => retryAfterMs ?? RETRY_AFTER_MS);
  const why = failures.map(({ dependency, reason }) => `${dependency} (${reason})`).join(', ');
  return new AppError(
    limited ? 'rate_limited' : 'dependency_unavailable',
    `No provider can take this now: ${why}. Try again`,
    { retryAfterMs: Math.min(...waits), cause: failures[0] },
  );
}

/** A stream that is read already up to its first piece. What fails behind it cannot be taken over. */
async function* follow(
  first: IteratorResult<Buffer>,
  events: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
  try {
    for (let next = first; next.done !== true; next = await events.next()) yield next.value;
  } catch (error) {
    throw brokenOff(error);
  } finally {
    await events.return(undefined);
  }
}

function brokenOff(error: unknown): unknown {
  if (error instanceof ProviderRefused) return refusal(error);
  if (!(error instanceof DependencyError)) return error;
  const detail = `The answer broke off: ${error.dependency} failed (${error.reason}). What came of it is not whole: ask again`;
  return new AppError('dependency_unavailable', detail, { retryAfterMs: RETRY_AFTER_MS, cause: error });
}
