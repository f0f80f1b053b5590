import { type FaultName, faults } from './faults.js';
import { type Limits, limitsOf } from './limits.js';
import type { TargetName } from './target.js';
import type { Op } from './traffic.js';

export type Tier = 'short' | 'full';

/** One fault of one dependency under load, and what must hold. */
export interface Row {
  name: string;
  target: TargetName;
  fault: FaultName;
  tier: Tier;
  forMs: number;
  perSecond: number;
  /** Asked for in turn. */
  ops: readonly Op[];
  limits: Limits;
  /** Settings that the service has in this row alone. */
  env: Record<string, string>;
}

type Options = Partial<Pick<Row, 'name' | 'forMs' | 'perSecond' | 'ops' | 'env'>> & {
  limits?: Partial<Limits>;
};

const EVERYTHING: readonly Op[] = ['search', 'answer', 'read', 'search', 'write', 'read'];
const ASKING: readonly Op[] = ['answer', 'search'];

const row = (tier: Tier, target: TargetName, fault: FaultName, options: Options = {}): Row => ({
  name: options.name ?? `${target}/${fault}`,
  target,
  fault,
  tier,
  forMs: options.forMs ?? 4_000,
  perSecond: options.perSecond ?? 60,
  ops: options.ops ?? (target.startsWith('llm') ? ASKING : EVERYTHING),
  limits: limitsOf(target, faults[fault].manner, options.limits),
  env: options.env ?? {},
});

// Their check is well while their work is not: each time the circuit closes, the next calls pay for it.
const UNSEEN = { limits: { callsPerS: 5, addedMs: 250 } };
// Nothing will be better before an operator has seen to it.
const HOPELESS = { limits: { recoverMs: undefined } };
// The first words may take as long as leaves the next provider its share of the deadline.
const THINKING = { limits: { firstMs: 5_000, detectMs: undefined, callsPerS: undefined } };
const NO_CIRCUIT = { CIRCUIT_CONSECUTIVE_FAULTS: '1000', CIRCUIT_WINDOW_CALLS: '10000' };
const FLAPPING = { forMs: 8_000, limits: { failedShareMax: 0.05 } };

export const rows: readonly Row[] = [
  row('short', 'postgres', 'kill'),
  row('short', 'postgres', 'stop', { forMs: 5_000 }),
  row('full', 'postgres', 'stop', { name: 'postgres/stop-30s', forMs: 30_000 }),
  row('short', 'postgres', 'refuse'),
  row('full', 'postgres', 'reset-connect', { limits: { detectMs: undefined, callsPerS: undefined } }),
  row('full', 'postgres', 'reset-established'),
  row('short', 'postgres', 'black-hole'),
  row('full', 'postgres', 'hang'),
  row('full', 'postgres', 'hang-replies'),
  // New connections are well: there is nothing to show, and calls go on. Of the few that there are all fall silent, so that
  // one that is kept although it is dead is missed.
  row('short', 'postgres', 'silent', {
    perSecond: 30,
    env: { DB_POOL_SIZE: '4', DB_POOL_MAX_OVERFLOW: '0' },
    limits: { failedShareMax: 0.1, detectMs: undefined, callsPerS: undefined, addedMs: Infinity },
  }),
  row('short', 'postgres', 'lose-commits', { ops: ['write', 'read', 'write'] }),
  row('full', 'postgres', 'latency-50', { limits: { failedShareMax: 0 } }),
  row('short', 'postgres', 'latency-200', { perSecond: 20, limits: { failedShareMax: 0 } }),
  row('full', 'postgres', 'bandwidth-8k', { perSecond: 20 }),
  row('full', 'postgres', 'slice-1', { perSecond: 20 }),
  row('full', 'postgres', 'truncate-fin'),
  row('full', 'postgres', 'truncate-reset'),
  // What needs the truth is refused while it is away, honestly; half of the time it is.
  row('full', 'postgres', 'flap-refuse', { forMs: 60_000 }),

  row('short', 'redis', 'kill'),
  row('short', 'redis', 'stop', { forMs: 5_000 }),
  row('full', 'redis', 'stop', { name: 'redis/stop-30s', forMs: 30_000 }),
  row('full', 'redis', 'refuse'),
  row('full', 'redis', 'reset-connect', { limits: { detectMs: undefined, callsPerS: undefined } }),
  row('full', 'redis', 'reset-established'),
  row('short', 'redis', 'black-hole'),
  row('full', 'redis', 'silent', { limits: { detectMs: undefined, callsPerS: undefined } }),
  row('short', 'redis', 'latency-1000', { limits: { slowerMax: 10 } }),
  row('full', 'redis', 'truncate-reset'),
  row('short', 'redis', 'flap-refuse', FLAPPING),
  row('full', 'redis', 'flap-hang', { ...FLAPPING, forMs: 60_000 }),

  row('short', 'qdrant', 'refuse'),
  row('full', 'qdrant', 'kill'),
  row('full', 'qdrant', 'reset-connect', { limits: { detectMs: undefined, callsPerS: undefined } }),
  row('full', 'qdrant', 'reset-established'),
  row('short', 'qdrant', 'black-hole'),
  row('full', 'qdrant', 'hang-replies'),
  row('full', 'qdrant', 'silent', { limits: { detectMs: undefined, callsPerS: undefined } }),
  row('short', 'qdrant', 'latency-1000'),
  row('full', 'qdrant', 'bandwidth-8k'),
  row('full', 'qdrant', 'slice-1'),
  row('short', 'qdrant', 'truncate-fin'),
  row('full', 'qdrant', 'truncate-reset'),
  row('short', 'qdrant', 'flap-refuse', FLAPPING),
  row('full', 'qdrant', 'flap-hang', { ...FLAPPING, forMs: 60_000 }),

  row('short', 'llm-primary', 'refuse'),
  row('full', 'llm-primary', 'reset-established'),
  // Eight calls, and the background check beside them.
  row('short', 'llm-primary', 'latency-1000', { env: { LLM_CONCURRENCY: '8' }, limits: { askingMax: 9 } }),
  row('full', 'llm-primary', 'black-hole', THINKING),
  row('short', 'llm-primary', 'mute', THINKING),
  row('short', 'llm-primary', 'rate-limited'),
  row('full', 'llm-primary', 'quota', HOPELESS),
  row('full', 'llm-primary', 'unauthorized', HOPELESS),
  row('short', 'llm-primary', 'status-500'),
  row('short', 'llm-primary', 'status-500-some'),
  row('full', 'llm-primary', 'html-502'),
  row('short', 'llm-primary', 'cut-mid-answer', UNSEEN),
  row('full', 'llm-primary', 'stall-mid-answer', THINKING),
  row('full', 'llm-primary', 'unfinished', UNSEEN),
  row('full', 'llm-primary', 'empty', UNSEEN),
  row('full', 'llm-primary', 'flap-refuse', { ...FLAPPING, forMs: 60_000 }),

  row('short', 'llm-all', 'refuse'),
  row('short', 'llm-all', 'quota', HOPELESS),
  row('full', 'llm-all', 'mute', THINKING),
  row('full', 'llm-all', 'status-500'),
  row('full', 'llm-all', 'html-502'),

  row('short', 'embeddings', 'refuse'),
  row('short', 'embeddings', 'mute'),
  row('full', 'embeddings', 'black-hole'),
  row('full', 'embeddings', 'status-500-some', { ops: ASKING }),
  // A circuit that cannot open: what keeps the retries down here is their budget alone. Nothing but requests is counted: what
  // the rows before this one left to be embedded is left alone.
  row('short', 'embeddings', 'status-500-most', {
    ops: ASKING,
    env: { ...NO_CIRCUIT, INGEST_CONCURRENCY: '0' },
  }),
  row('full', 'embeddings', 'rate-limited'),
  row('short', 'embeddings', 'wrong-dimension', UNSEEN),
  row('full', 'embeddings', 'html-502'),
];
