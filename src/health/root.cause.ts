import type { Cause } from '../resilience/cause.js';
import type { DependencyState } from '../resilience/condition.js';
import type { Criticality } from '../resilience/dependency.js';
import type { Reason } from '../resilience/dependency-error.js';
import type { Trouble } from '../resilience/troubles.js';
import type { Upset } from './process.watch.js';
import { type AnyCause, RUNBOOKS } from './runbook.js';

/** A dependency as the diagnosis sees it. */
export interface Patient {
  name: string;
  criticality: Criticality;
  state: DependencyState;
  reason: Reason | null;
  since: Date;
  /** What failed in the last minute, the latest first. */
  troubles: readonly Trouble[];
  affects: string | undefined;
  setting: string | undefined;
  within: string | undefined;
}

/** The one thing to mend first. */
export interface RootCause {
  /** Its name; `process` for this process itself. */
  dependency: string;
  cause: AnyCause;
  since: string;
  affects: string;
  fix: string;
  /** Where to read on: a section of docs/runbooks.md. */
  runbook: string;
  /** The last error that says so. */
  evidence: string | null;
}

/** What is wrong, the worst first, and what is only a consequence of it. */
export interface Diagnosis {
  root_cause: RootCause | null;
  /** Other things that are wrong, and not because of the first. */
  others: RootCause[];
  /** Dependencies that are unwell because of something else that is. */
  consequences: string[];
}

// Something that is well in general, and fails so often so lately, is in trouble all the same.
const AILING_COUNT = 3;
const AILING_WITHIN_MS = 15_000;
const SEVERITY: Record<DependencyState, number> = { down: 0, degraded: 1, up: 2 };

// Of several causes in one dependency the one that brings the others about: who waits for a lock holds a connection.
const PRECEDENCE: readonly Cause[] = [
  'isolated',
  'dns',
  'tls',
  'unknown_database',
  'credentials',
  'schema_behind',
  'wrong_dimension',
  'extension_missing',
  'unknown_model',
  'disk_full',
  'out_of_memory',
  'loading',
  'read_only',
  'quota',
  'rate_limited',
  'max_connections',
  'locks',
];
// What a process that stands still, or whose clock was set, makes of things that are well.
const OF_A_STANDSTILL: ReadonlySet<AnyCause> = new Set([
  'hung',
  'slow',
  'lost',
  'pool_exhausted',
  'overloaded',
]);
// What a process that has too much to do makes of its stores. It is none of their doing as long as they do answer.
const OF_AN_OVERLOAD: ReadonlySet<AnyCause> = new Set(['slow', 'pool_exhausted', 'overloaded']);
const OF_A_JUMP: ReadonlySet<AnyCause> = new Set(['tls', 'credentials']);
type OwnCause = 'event_loop_blocked' | 'clock_jump' | 'overload';
const EXCUSES: Record<OwnCause, ReadonlySet<AnyCause>> = {
  event_loop_blocked: OF_A_STANDSTILL,
  clock_jump: OF_A_JUMP,
  overload: OF_AN_OVERLOAD,
};

/** What is the matter with the process itself. */
export interface Upsets {
  blocked: Upset | undefined;
  jumped: Upset | undefined;
  overloadedSince: Date | undefined;
}

interface Finding {
  patient: Patient;
  cause: Cause;
  since: Date;
  evidence: Trouble | undefined;
}

/**
 * Names the root cause. A pure function of what is known: what lives in something that is unwell, or seems unwell because
 * this process stood still, is a consequence; of the rest, what is critical, worse and older comes first.
 */
export function diagnose(patients: readonly Patient[], upsets: Upsets, now = Date.now()): Diagnosis {
  const unwell = new Set(patients.filter(({ state }) => state !== 'up').map(({ name }) => name));
  const findings = patients.flatMap((patient) => findingOf(patient, now) ?? []).toSorted(worseFirst);
  const ofItself = ofProcess(upsets, findings);
  const isConsequence = ({ patient, cause }: Finding) =>
    (patient.within !== undefined && unwell.has(patient.within)) ||
    (ofItself !== undefined && excuses(ofItself.cause).has(cause));
  const own = findings.filter((finding) => !isConsequence(finding)).map(toRootCause);
  // A standstill is behind whatever else seems wrong. A clock that was set breaks nothing, and what takes too long for
  // reasons of its own makes an overload: what is broken by itself goes before these.
  const all =
    ofItself === undefined
      ? own
      : ofItself.cause === 'event_loop_blocked'
        ? [ofItself, ...own]
        : [...own, ofItself];
  const [root, ...others] = all;
  return {
    root_cause: root ?? null,
    others,
    consequences: findings.filter(isConsequence).map(({ patient }) => patient.name),
  };
}

function findingOf(patient: Patient, now: number): Finding | undefined {
  const { state, reason, troubles, since } = patient;
  if (state !== 'up') {
    // What it says of itself now, or what it failed with while it was still let.
    const matching = troubles.filter((trouble) => reason === 'circuit_open' || trouble.reason === reason);
    const evidence = foremost(matching) ?? foremost(troubles);
    const cause = reason === 'isolated' ? 'isolated' : (evidence?.cause ?? 'server_error');
    return { patient, cause, since, evidence };
  }
  // What happened before it was well again is over.
  const ailing = troubles.filter(
    ({ count, at }) => count >= AILING_COUNT && at > since && now - at.getTime() < AILING_WITHIN_MS,
  );
  const evidence = foremost(ailing);
  return evidence && { patient, cause: evidence.cause, since: evidence.since, evidence };
}

function foremost(troubles: readonly Trouble[]): Trouble | undefined {
  const rank = ({ cause }: Trouble) => {
    const at = PRECEDENCE.indexOf(cause);
    return at === -1 ? PRECEDENCE.length : at;
  };
  return troubles.toSorted((a, b) => rank(a) - rank(b))[0];
}

function worseFirst(a: Finding, b: Finding): number {
  return (
    Number(a.patient.criticality !== 'critical') - Number(b.patient.criticality !== 'critical') ||
    SEVERITY[a.patient.state] - SEVERITY[b.patient.state] ||
    a.since.getTime() - b.since.getTime()
  );
}

function excuses(cause: AnyCause): ReadonlySet<AnyCause> {
  return EXCUSES[cause as OwnCause];
}

function ofProcess(
  { blocked, jumped, overloadedSince }: Upsets,
  findings: readonly Finding[],
): RootCause | undefined {
  if (blocked !== undefined) {
    const affects =
      'Every answer: nothing was answered meanwhile, and calls under way may have run out of time.';
    return itself('event_loop_blocked', blocked, affects, `It stood still for ${blocked.ms} ms`);
  }
  if (overloadedSince !== undefined) {
    const affects =
      'What is less important is refused with 503 and Retry-After: ingest first, then generate, then chat.';
    return itself(
      'overload',
      { at: overloadedSince },
      affects,
      'More is under way than gets done in OVERLOAD_QUEUE_MS',
    );
  }
  if (jumped === undefined) return undefined;
  const affected = findings.filter(({ cause }) => OF_A_JUMP.has(cause)).map(({ patient }) => patient.name);
  const affects =
    affected.length === 0
      ? 'Tokens and certificates may be taken for expired, or for not yet valid.'
      : `TLS or credentials of ${affected.join(', ')}.`;
  return itself('clock_jump', jumped, affects, `It was set by ${Math.round(jumped.ms / 1_000)} s`);
}

function itself(cause: OwnCause, { at }: Pick<Upset, 'at'>, affects: string, evidence: string): RootCause {
  const { fix } = RUNBOOKS[cause];
  return {
    dependency: 'process',
    cause,
    since: at.toISOString(),
    affects,
    fix,
    runbook: sectionOf(cause),
    evidence,
  };
}

function toRootCause({ patient, cause, since, evidence }: Finding): RootCause {
  return {
    dependency: patient.name,
    cause,
    since: since.toISOString(),
    affects: patient.affects ?? 'What the service does by it.',
    fix: RUNBOOKS[cause].fix
      .replaceAll('{setting}', patient.setting ?? 'its setting')
      .replaceAll('{dependency}', patient.name),
    runbook: sectionOf(cause),
    evidence: evidence === undefined ? null : `${evidence.operation}: ${evidence.message}`,
  };
}

function sectionOf(cause: AnyCause): string {
  return `docs/runbooks.md#${cause}`;
}
