import type { Limits } from './limits.js';
import type { Score } from './score.js';

/** A threshold that was not met. */
export interface Breach {
  limit: string;
  /** What was seen instead, in words. */
  seen: string;
}

// What a busy machine can do to a row. Everything else (a wrong answer, a write that was lost or doubled, a failure that was
// not allowed) is the doing of the service.
const TIMES: ReadonlySet<string> = new Set([
  'first',
  'slower',
  'added',
  'detect',
  'recover',
  'calls',
  'late',
  'before',
  'hits',
  // That stands still for half a second has no connection to the database for whoever asks meanwhile.
  'refused',
]);
const HONEST: ReadonlySet<string> = new Set(['dependency_unavailable', 'overloaded']);

// Of the requests of a row: so many may come late, or be refused, where a busy machine is allowed for.
const BUSY_SHARE_MAX = 0.02;

/** Whether a row is red for nothing but what a busy machine can do: for times, and a few honest refusals. */
export function mayBeTheMachine(breaches: readonly Breach[]): boolean {
  return breaches.length > 0 && breaches.every(({ limit }) => TIMES.has(limit));
}

/**
 * What of a row's limits does not hold. A row without a breach is green.
 * @param leniency how many times over a limit of time may be exceeded: more than once on a machine that others use as well
 */
export function breachesOf(score: Score, limits: Limits, leniency = 1): Breach[] {
  const breaches: Breach[] = [];
  const must = (limit: string, holds: boolean, seen: string) =>
    void (holds || breaches.push({ limit, seen }));
  const { balance, latenessMs: slack } = score;
  /** A time that may have no limit, and that may never have come. */
  const inTime = (limit: string, tookMs: number | null, limitMs: number | undefined, what: string) => {
    if (limitMs === undefined) return;
    const holds = tookMs !== null && tookMs <= leniency * limitMs + slack;
    must(limit, holds, `${what} ${tookMs === null ? 'never' : `after ${ms(tookMs)}`}, limit ${ms(limitMs)}`);
  };

  const failures = Object.entries(score.failed);
  const failed = failures.reduce((sum, [, n]) => sum + n, 0);
  const dishonest = failures.filter(([what]) => !limits.refusals.includes(codeOf(what)));
  must('hits', score.hits > 0, 'the fault was met by nobody: the row shows nothing');
  must('before', none(score.badBefore), `not well before the fault: ${told(score.badBefore)}`);
  if (limits.refusals.length > 0)
    must(
      'refusals',
      dishonest.length === 0,
      `failed otherwise than allowed: ${told(Object.fromEntries(dishonest))}`,
    );
  const few =
    failed <= BUSY_SHARE_MAX * score.requests && failures.every(([what]) => HONEST.has(codeOf(what)));
  must(
    few ? 'refused' : 'failed',
    failed <= limits.failedShareMax * score.requests,
    `${failed} of ${score.requests} requests failed, limit ${100 * limits.failedShareMax} %`,
  );
  must('wrong', none(score.wrong), `wrong: ${told(score.wrong)}`);
  must('silent', score.silent === 0, `${score.silent} replies were worse than before and did not say why`);
  const lateMax = leniency > 1 ? BUSY_SHARE_MAX * score.requests : 0;
  must('late', score.late <= lateMax, `${score.late} replies came after their deadline + 50 ms`);
  must('secrets', score.leaks.length === 0, `secrets were seen in ${score.leaks.join(', ')}`);
  must('lost', balance.lost === 0, `${balance.lost} acknowledged writes were lost`);
  must('doubled', balance.doubled === 0, `${balance.doubled} writes that were sent once were done twice`);
  must(
    'repeated',
    balance.repeated === 0,
    `${balance.repeated} writes were done twice although they had a key`,
  );
  must('stuck', balance.stuck === 0, `${balance.stuck} writes could not be repeated with their key`);
  inTime('first', score.firstMs, limits.firstMs, 'before it was known (p99) answered');
  must(
    'slower',
    score.slower <= leniency * limits.slowerMax,
    `${score.slower} requests were slower than before, limit ${limits.slowerMax}`,
  );
  if (score.p99Known !== null)
    inTime('added', score.p99Known, score.p99Before + limits.addedMs, 'once it was known (p99) answered');
  inTime('detect', score.detectMs, limits.detectMs, 'shown');
  inTime('recover', score.recoverMs, limits.recoverMs, 'well again');
  if (limits.callsPerS !== undefined && score.callsKnown !== null) {
    // A whole call more: where the watch begins between two of them is chance.
    must(
      'calls',
      score.callsKnown <= 1 + (leniency * limits.callsPerS * score.knownForMs) / 1_000,
      `${score.callsKnown} calls in ${ms(score.knownForMs)} while it was known to be sick, limit ${limits.callsPerS}/s`,
    );
  }
  must(
    'calls per request',
    (score.callsPerRequest ?? 0) <= limits.callsPerRequest,
    `${score.callsPerRequest?.toFixed(2)} calls a request, limit ${limits.callsPerRequest}`,
  );
  must(
    'asking',
    score.askingMax <= limits.askingMax,
    `${score.askingMax} calls at once, limit ${limits.askingMax}`,
  );
  must(
    'log',
    score.lines <= limits.linesPerChange * Math.max(1, score.changes),
    `${score.lines} lines of log for ${score.changes} changes of state, limit ${limits.linesPerChange} each`,
  );
  return breaches;
}

const ms = (n: number) => `${Math.round(n)} ms`;
const none = (counts: Record<string, number>) => Object.keys(counts).length === 0;
const codeOf = (what: string) => what.slice(what.indexOf(' ') + 1);

/** `12 × search dependency_unavailable, 3 × …` */
export function told(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([what, n]) => `${n} × ${what}`)
    .join(', ');
}
