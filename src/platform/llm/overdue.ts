import type { Fault } from '../../resilience/dependency-error.js';
import { ProviderFailed } from './provider.error.js';

/** How long a provider may take. */
export interface ProviderTimeouts {
  connectMs: number;
  firstTokenMs: number;
  idleMs: number;
  totalMs: number;
}

// What comes behind the end of an answer is worth no more waiting than this.
export const USAGE_WAIT_MS = 1_000;
export const CLOSE_WAIT_MS = 100;

// None of these is worth a second try at the same place: whoever waited once would wait as long again.

/** @param fairMs who was given less time, by a request with little left, says nothing about the provider when it is over */
export function silent(afterMs: number, fairMs: number): ProviderFailed {
  const fault: Fault = { reason: 'hung', transient: false, counts: afterMs >= fairMs };
  return new ProviderFailed(`No answer within ${Math.round(afterMs)} ms`, fault);
}

export function stalled(afterMs: number): ProviderFailed {
  const fault: Fault = { reason: 'hung', transient: false };
  return new ProviderFailed(`Nothing more within ${Math.round(afterMs)} ms`, fault);
}

export function tooLong(counts: boolean): ProviderFailed {
  return new ProviderFailed('The answer took too long', { reason: 'timeout', transient: false, counts });
}
