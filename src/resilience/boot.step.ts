import type { Reason } from './dependency-error.js';

/**
 * How a step stands, for the log and diagnostics. `degraded`: it failed, and the service does without it until its
 * background check succeeds. `waiting`: the service went on without it (STARTUP_POLICY=tolerant), and is not ready until it
 * is done.
 */
export interface BootStep {
  step: string;
  verdict: 'pending' | 'running' | 'ok' | 'degraded' | 'waiting' | 'failed';
  took_ms: number;
  detail: string;
  reason: Reason | null;
  remedy: string | null;
}
