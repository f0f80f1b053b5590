import type { Deadline } from '../kernel/deadline.js';
import { Backoff } from './policy.js';

/** How often, and after which waits, a call that may be repeated is repeated. */
export interface Patience {
  retries: number;
  backoff: Backoff;
}

const REQUEST_BACKOFF_MIN_MS = 50;
const REQUEST_BACKOFF_MAX_MS = 1_000;
const BACKGROUND_RETRIES = 3;
const BACKGROUND_BACKOFF_MIN_MS = 2_000;
const BACKGROUND_BACKOFF_MAX_MS = 10_000;

/**
 * Somebody waits for a request, so its waits are short and spread as wide as can be. Work in the background has time: one
 * try and three more, after about 2, 4 and 8 seconds.
 */
export function patienceOf(deadline: Deadline | undefined, requestRetries: number): Patience {
  if (deadline?.kind === 'background') {
    return {
      retries: BACKGROUND_RETRIES,
      backoff: Backoff.forBackground(BACKGROUND_BACKOFF_MIN_MS, BACKGROUND_BACKOFF_MAX_MS),
    };
  }
  return {
    retries: requestRetries,
    backoff: Backoff.forRetries(REQUEST_BACKOFF_MIN_MS, REQUEST_BACKOFF_MAX_MS),
  };
}
