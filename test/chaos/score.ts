import { SLOWER_MS } from './limits.js';
import type { Balance } from './ledger.js';
import type { LogLine } from './service.js';
import type { Target } from './target.js';
import type { Op, Sample } from './traffic.js';
import type { Turn } from './watch.js';

/** How often the dependency has been called and connected to, at one moment. */
export interface Count {
  atMs: number;
  calls: number;
  connections: number;
  /** Calls that wait for their answer. */
  asking: number;
}

/** Everything that was seen of one row. Times are of `performance.now()`. */
export interface Observation {
  target: Target;
  /** Requests from before those that are judged. */
  warming: readonly Sample[];
  samples: readonly Sample[];
  turns: readonly Turn[];
  counts: readonly Count[];
  log: readonly LogLine[];
  balance: Balance;
  /** Where a secret was seen. */
  leaks: readonly string[];
  hits: number;
  latenessMs: number;
  beganMs: number;
  /** When the healing began, and when it was done. */
  healingMs: number;
  healedMs: number;
}

/** One line of the scorecard. Times are in milliseconds. */
export interface Score {
  /** From the beginning of the fault on. */
  requests: number;
  /** How often the fault was met. */
  hits: number;
  failed: Record<string, number>;
  wrong: Record<string, number>;
  /** What the first wrong replies said. */
  wrongSaid: string[];
  /** Worse than before, without a word on why. */
  silent: number;
  /** After their deadline and the 50 ms that the last word may take. */
  late: number;
  badBefore: Record<string, number>;
  p50: number;
  p99: number;
  max: number;
  /** The slowest that met it: what they were, when they were due, and what became of them. */
  slowest: string[];
  p99Before: number;
  /** The 99th percentile before the service had shown that it knows. */
  firstMs: number;
  slower: number;
  p99Known: number | null;
  detectMs: number | null;
  recoverMs: number | null;
  /** The last reply that was worse than before the fault, from its end on. */
  lastBadMs: number | null;
  /** Calls or connections, whichever were more, while it was known to be sick; and for how long that was watched. */
  callsKnown: number | null;
  knownForMs: number;
  callsPerRequest: number | null;
  /** The most calls that waited for their answer at once. */
  askingMax: number;
  balance: Balance;
  leaks: readonly string[];
  lines: number;
  changes: number;
  latenessMs: number;
}

const LATE_MS = 50;
// The last calls of those who did not know yet.
const SETTLING_MS = 500;

/** Which requests are worse without it. */
const NEEDED_BY: Record<Target['name'], readonly Op[]> = {
  postgres: ['search', 'answer', 'read', 'write'],
  redis: [],
  qdrant: ['search', 'answer'],
  'llm-primary': ['answer'],
  'llm-all': ['answer'],
  embeddings: ['search', 'answer'],
};

export function scoreOf(seen: Observation): Score {
  const { samples, beganMs, healingMs, healedMs } = seen;
  // One that was under way when it began is one of those that met it.
  const before = samples.filter(({ dueMs, tookMs }) => dueMs + tookMs < beganMs);
  const during = samples.filter(({ dueMs, tookMs }) => dueMs + tookMs >= beganMs && dueMs < healedMs);
  const after = samples.filter(({ dueMs }) => dueMs >= healedMs);
  const usual = usualLevels(before);
  const asBefore = ({ op, verdict, level }: Sample) => verdict === 'ok' && level === usual.get(op);
  const needed = NEEDED_BY[seen.target.name];
  const knownMs = seen.turns.find(({ atMs, state }) => atMs >= beganMs && state !== 'up')?.atMs;
  // Who made himself new connections while the old ones were silent may be well before the end of it.
  const wellBefore = seen.turns.findLast(({ atMs }) => atMs < healedMs)?.state === 'up';
  const upAgainMs = wellBefore
    ? healedMs
    : seen.turns.find(({ atMs, state }) => atMs >= healedMs && state === 'up')?.atMs;
  const unaware = during.filter(({ dueMs }) => knownMs === undefined || dueMs < knownMs);
  const aware = during.filter(({ dueMs }) => knownMs !== undefined && dueMs >= knownMs + SETTLING_MS);
  const p99Before = quantile(times(before), 0.99);
  const whole = after.filter((sample) => needed.includes(sample.op) && asBefore(sample));
  const firstWholeMs = least(whole.map(({ dueMs, tookMs }) => dueMs + tookMs));
  const bad = after.filter((sample) => !asBefore(sample)).map(({ dueMs, tookMs }) => dueMs + tookMs);
  const told = seen.log.filter(({ atMs }) => atMs >= beganMs);
  return {
    requests: during.length + after.length,
    hits: seen.hits,
    failed: tally([...during, ...after].filter(({ verdict }) => verdict === 'failed')),
    wrong: tally(samples.filter((s) => s.verdict === 'wrong')),
    wrongSaid: samples.flatMap(({ said }) => said ?? []).slice(0, 3),
    silent: during.filter((s) => s.verdict === 'ok' && !asBefore(s) && !s.explained).length,
    late: samples.filter(({ lateMs }) => lateMs > LATE_MS + seen.latenessMs).length,
    badBefore: tally(before.filter(({ verdict }) => verdict !== 'ok')),
    p50: quantile(times(during), 0.5),
    p99: quantile(times(during), 0.99),
    max: Math.max(0, ...times(during)),
    slowest: during
      .toSorted((a, b) => b.tookMs - a.tookMs)
      .slice(0, 3)
      .map(
        (s) =>
          `${s.op} due at ${Math.round(s.dueMs - beganMs)}: ${Math.round(s.tookMs)} ms, ${s.why ?? s.level}`,
      ),
    p99Before,
    firstMs: quantile(times(unaware), 0.99),
    slower: times(during).filter((tookMs) => tookMs > p99Before + SLOWER_MS + seen.latenessMs).length,
    p99Known: aware.length === 0 ? null : quantile(times(aware), 0.99),
    detectMs: since(beganMs, knownMs),
    // A cache is missed by nobody: it is well again when the service says so.
    recoverMs: since(
      healedMs,
      needed.length === 0 ? (knownMs === undefined ? healedMs : upAgainMs) : firstWholeMs,
    ),
    lastBadMs: bad.length === 0 ? null : Math.max(...bad) - healedMs,
    ...callsWhileKnown(seen.counts, knownMs, unaware, healingMs),
    callsPerRequest: perRequest(
      seen.counts,
      [...seen.warming, ...before, ...during].filter(
        ({ op, dueMs }) => needed.includes(op) && dueMs < healingMs,
      ),
      healingMs,
    ),
    askingMax: Math.max(0, ...seen.counts.map(({ asking }) => asking)),
    balance: seen.balance,
    leaks: seen.leaks,
    lines: told.filter(({ level }) => level >= 40).length,
    changes: told.filter(({ event }) => event === 'dependency.changed').length,
    latenessMs: seen.latenessMs,
  };
}

/** Of each operation, the level that most replies had before the fault. */
function usualLevels(before: readonly Sample[]): Map<Op, string> {
  const usual = new Map<Op, string>();
  for (const [op, of] of Map.groupBy(before, (sample) => sample.op)) {
    const [level] = [...Map.groupBy(of, (sample) => sample.level)].toSorted(
      ([, a], [, b]) => b.length - a.length,
    )[0]!;
    usual.set(op, level ?? '');
  }
  return usual;
}

function callsWhileKnown(
  counts: readonly Count[],
  knownMs: number | undefined,
  unaware: readonly Sample[],
  toMs: number,
): Pick<Score, 'callsKnown' | 'knownForMs'> {
  // Those who asked before it was known may still be waiting, and end by leaving their connections.
  const lastMs = Math.max(0, ...unaware.map(({ dueMs, tookMs }) => dueMs + tookMs));
  const [first, last] =
    knownMs === undefined ? [] : within(counts, Math.max(knownMs, lastMs) + SETTLING_MS, toMs);
  if (first === undefined || last === undefined) return { callsKnown: null, knownForMs: 0 };
  return {
    callsKnown: Math.max(last.calls - first.calls, last.connections - first.connections),
    knownForMs: last.atMs - first.atMs,
  };
}

/** From the first request on, and not from the fault on: a budget of retries is one of the last ten seconds. */
function perRequest(counts: readonly Count[], requests: readonly Sample[], toMs: number): number | null {
  const [first, last] = within(counts, -Infinity, toMs);
  if (first === undefined || last === undefined || requests.length === 0) return null;
  return (last.calls - first.calls) / requests.length;
}

function within(counts: readonly Count[], fromMs: number, toMs: number): [Count?, Count?] {
  const inside = counts.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  return [inside[0], inside.at(-1)];
}

/** How often each operation ended how. */
export function tally(samples: readonly Sample[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { op, why } of samples) {
    const what = `${op} ${why}`;
    found[what] = (found[what] ?? 0) + 1;
  }
  return found;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}

const times = (samples: readonly Sample[]) => samples.map(({ tookMs }) => tookMs);
const least = (values: readonly number[]) => (values.length === 0 ? undefined : Math.min(...values));
const since = (fromMs: number, atMs: number | undefined) => (atMs === undefined ? null : atMs - fromMs);
