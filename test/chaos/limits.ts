import type { Manner } from './faults.js';
import type { TargetName } from './target.js';

/** What a row must show. Times are in milliseconds, and are met if they are but for the lateness of the machine itself. */
export interface Limits {
  /** The codes that a request may be refused with while the fault lasts; any other failure is one too many. */
  refusals: readonly string[];
  /** The share of requests that may fail while the fault lasts, refusals among them. */
  failedShareMax: number;
  /** The 99th percentile before the service has shown that it knows. */
  firstMs: number;
  /** How many requests in all may be slower than before the fault by more than `SLOWER_MS`. */
  slowerMax: number;
  /** The 99th percentile once it knows, above that before the fault. */
  addedMs: number;
  /** When readiness first shows it. undefined: it need not show. */
  detectMs: number | undefined;
  /** The first request after the end of the fault that is answered as well as before it. undefined: it need not be. */
  recoverMs: number | undefined;
  /** Calls or connections that reach the sick dependency a second, once the service knows. undefined: it may be called. */
  callsPerS: number | undefined;
  /** Calls that reach it for each request that needs it. */
  callsPerRequest: number;
  /** Calls that wait for the sick dependency at once. */
  askingMax: number;
  /** Lines of the log, warnings and worse, for each change of state. */
  linesPerChange: number;
}

/** A request this much slower than the slowest hundredth before the fault is a slower one. */
export const SLOWER_MS = 50;

// The words of the requirements: 600 ms on a refusal, 1 s on a hang; 10 ms once the circuit is open.
const FIRST_MS: Record<Manner, number> = {
  refusal: 600,
  hang: 1_000,
  slow: 5_000,
  partial: 1_000,
  flap: 1_000,
};

const base = (manner: Manner): Limits => ({
  refusals: [],
  failedShareMax: 0,
  firstMs: FIRST_MS[manner],
  slowerMax: Infinity,
  addedMs: manner === 'refusal' || manner === 'hang' ? 10 : Infinity,
  detectMs: manner === 'refusal' || manner === 'hang' ? 2_000 : undefined,
  // What flaps is left alone for longer each time.
  recoverMs: manner === 'flap' ? 5_000 : 2_000,
  callsPerS: manner === 'refusal' || manner === 'hang' ? 1 : undefined,
  callsPerRequest: 1.25,
  askingMax: Infinity,
  linesPerChange: 3,
});

/** Where the truth is kept: without it there is no answer, and a refusal says when to come again. */
const truth: Partial<Limits> = {
  refusals: ['dependency_unavailable', 'overloaded'],
  failedShareMax: 1,
  callsPerRequest: Infinity,
};

/** A provider is paid for each call and has a deputy: coming back to it may take longer. */
const provider: Partial<Limits> = { recoverMs: 5_000 };

/** What each dependency may cost whoever asks, beside what its manner of failing costs anyway. */
const BY_TARGET: Record<TargetName, Partial<Limits>> = {
  postgres: truth,
  // A cache is never worth a wait: ten calls may take 250 ms longer, and then none.
  // Two connections, one to ask and one to listen, each tries again by itself.
  redis: { firstMs: 350, slowerMax: 10, callsPerS: 2, callsPerRequest: Infinity },
  qdrant: { callsPerRequest: Infinity },
  'llm-primary': provider,
  // There are two of them.
  'llm-all': { ...provider, callsPerS: 2 },
  embeddings: provider,
};

export function limitsOf(target: TargetName, manner: Manner, own: Partial<Limits> = {}): Limits {
  const general = base(manner);
  const { callsPerS, ...rest } = BY_TARGET[target];
  return {
    ...general,
    ...rest,
    // Whether it may be called at all is for the manner to say, and how often for the dependency.
    ...(general.callsPerS !== undefined && callsPerS !== undefined && { callsPerS }),
    ...own,
  };
}
