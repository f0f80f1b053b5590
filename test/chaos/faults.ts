import type { LineFault } from '../support/fault-proxy.faults.js';
import type { FaultProxy } from '../support/fault-proxy.js';
import type { ProviderFault } from '../support/provider.js';
import type { Target } from './target.js';

/**
 * How a fault shows itself to whoever calls: at once, by silence, by taking its time, or now and then. What the first
 * calls may cost depends on it.
 */
export type Manner = 'refusal' | 'hang' | 'slow' | 'partial' | 'flap';

export interface Breakage {
  manner: Manner;
  begin(target: Target): Promise<void>;
  heal(target: Target): Promise<void>;
  /** How often it has been met: a fault that nobody met shows nothing. Default: calls, connections and what was cut. */
  hits?: (line: FaultProxy) => number;
}

const line = (manner: Manner, fault: LineFault): Breakage => ({
  manner,
  begin: ({ lines }) => each(lines, (one) => one.behave(fault)),
  heal: ({ lines }) => each(lines, (one) => one.heal()),
});

const provider = (manner: Manner, fault: ProviderFault): Breakage => ({
  manner,
  begin: ({ providers }) => each(providers, (one) => one.behave(fault)),
  heal: ({ providers }) => each(providers, (one) => one.behave(undefined)),
});

/** Everything that can be done to a dependency, by name. */
export const faults = {
  kill: {
    manner: 'refusal',
    begin: ({ processes }) => each(processes, (one) => one.kill()),
    heal: ({ processes }) => each(processes, (one) => one.restart()),
  },
  stop: {
    manner: 'hang',
    begin: ({ processes }) => each(processes, async (one) => one.pause!()),
    heal: ({ processes }) => each(processes, async (one) => one.resume!()),
  },
  refuse: line('refusal', { kind: 'refuse' }),
  'reset-connect': line('refusal', { kind: 'reset', on: 'connect' }),
  'reset-established': line('refusal', { kind: 'reset', on: 'established' }),
  'black-hole': line('hang', { kind: 'black_hole' }),
  hang: line('hang', { kind: 'hang' }),
  'hang-replies': line('hang', { kind: 'hang', direction: 'down' }),
  silent: line('hang', { kind: 'half_open' }),
  'latency-50': line('slow', { kind: 'latency', ms: 25, jitterMs: 10 }),
  'latency-200': line('slow', { kind: 'latency', ms: 100, jitterMs: 25 }),
  'latency-1000': line('slow', { kind: 'latency', ms: 500, jitterMs: 100 }),
  'latency-4000': line('slow', { kind: 'latency', ms: 2_000, jitterMs: 200 }),
  'bandwidth-8k': line('slow', { kind: 'bandwidth', bytesPerS: 8_192, direction: 'down' }),
  'slice-1': line('slow', { kind: 'slice', bytes: 1 }),
  'truncate-fin': line('refusal', { kind: 'truncate', afterBytes: 100, end: 'fin' }),
  'truncate-reset': line('refusal', { kind: 'truncate', afterBytes: 100, end: 'reset' }),
  'flap-refuse': line('flap', { kind: 'flap', upMs: 1_000, downMs: 1_000, fault: { kind: 'refuse' } }),
  'flap-hang': line('flap', { kind: 'flap', upMs: 1_000, downMs: 1_000, fault: { kind: 'hang' } }),
  'lose-commits': {
    // A simple query: the word, and the zero that ends it.
    ...line('partial', { kind: 'lose_reply', to: /\bcommit\0/i, every: 3 }),
    hits: ({ counts }) => counts.cuts,
  },
  'rate-limited': provider('refusal', { kind: 'rate_limited', headers: { 'retry-after': '3' } }),
  quota: provider('refusal', { kind: 'quota' }),
  unauthorized: provider('refusal', { kind: 'unauthorized' }),
  'status-500': provider('refusal', { kind: 'status', status: 500 }),
  'status-500-some': provider('partial', { kind: 'status', status: 500, rate: 0.3 }),
  'status-500-most': provider('partial', { kind: 'status', status: 500, rate: 0.8 }),
  'html-502': provider('refusal', { kind: 'html', status: 502 }),
  mute: provider('hang', { kind: 'hang', at: 'headers' }),
  'cut-mid-answer': provider('refusal', { kind: 'cut', afterTokens: 3, how: 'fin' }),
  'stall-mid-answer': provider('hang', { kind: 'stall', afterTokens: 3 }),
  unfinished: provider('refusal', { kind: 'unfinished', afterTokens: 3, done: true }),
  empty: provider('refusal', { kind: 'empty' }),
  'wrong-dimension': provider('refusal', { kind: 'embeddings', wrong: 'dimension' }),
} as const satisfies Record<string, Breakage>;

export type FaultName = keyof typeof faults;

async function each<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  await Promise.all(all.map(work));
}

/** How often a fault has been met so far. */
export function hitsOf(breakage: Breakage, { lines }: Target): number {
  const hits = breakage.hits ?? (({ counts }: FaultProxy) => counts.calls + counts.connections + counts.cuts);
  return lines.reduce((sum, line) => sum + hits(line), 0);
}
