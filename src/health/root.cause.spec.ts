import fc from 'fast-check';
import { CAUSES, type Cause } from '../resilience/cause.js';
import type { Reason } from '../resilience/dependency-error.js';
import type { Trouble } from '../resilience/troubles.js';
import { diagnose, type Patient } from './root.cause.js';
import { RUNBOOKS } from './runbook.js';

const NOW = Date.parse('2026-03-01T03:00:00Z');
const ago = (s: number) => new Date(NOW - 1_000 * s);
const CALM = { blocked: undefined, jumped: undefined, overloadedSince: undefined };

const trouble = (cause: Cause, reason: Reason, more: Partial<Trouble> = {}): Trouble => ({
  cause,
  reason,
  since: ago(30),
  at: ago(1),
  count: 5,
  operation: 'read',
  message: 'the words of the driver',
  ...more,
});
const patient = (name: string, more: Partial<Patient> = {}): Patient => ({
  name,
  criticality: 'optional',
  state: 'up',
  reason: null,
  since: ago(600),
  troubles: [],
  affects: undefined,
  setting: undefined,
  within: undefined,
  ...more,
});
const sick = (name: string, cause: Cause, reason: Reason, more: Partial<Patient> = {}) =>
  patient(name, { state: 'degraded', reason, since: ago(30), troubles: [trouble(cause, reason)], ...more });

describe('diagnose', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(diagnose([patient('database'), patient('cache')], CALM, NOW)).toEqual({
      root_cause: null,
      others: [],
      consequences: [],
    });
  });

  it('names the cause, since when, what it affects, what to do, and where to read on', () => {
    const database = sick('database', 'refused', 'unreachable', {
      criticality: 'critical',
      affects: 'Every write is refused.',
      setting: 'DATABASE_URL',
    });
    expect(diagnose([database], CALM, NOW).root_cause).toEqual({
      dependency: 'database',
      cause: 'refused',
      since: ago(30).toISOString(),
      affects: 'Every write is refused.',
      fix: 'Start it, or correct DATABASE_URL; then `npm run cli -- check`.',
      runbook: 'docs/runbooks.md#refused',
      evidence: 'read: the words of the driver',
    });
  });

  it('says of what lives in something that is unwell that it is a consequence', () => {
    const found = diagnose(
      [
        sick('vector_store', 'hung', 'hung', { within: 'database', since: ago(90) }),
        sick('database', 'hung', 'hung', { criticality: 'critical' }),
        sick('cache', 'refused', 'unreachable', { within: 'nothing that there is' }),
      ],
      CALM,
      NOW,
    );
    expect(found.root_cause).toMatchObject({ dependency: 'database', cause: 'hung' });
    expect(found.others).toMatchObject([{ dependency: 'cache' }]);
    expect(found.consequences).toEqual(['vector_store']);
  });

  it('puts first what is critical, then what is worse, then what is older', () => {
    const all = [
      sick('a', 'refused', 'unreachable', { since: ago(10) }),
      sick('b', 'refused', 'unreachable', { since: ago(99) }),
      sick('c', 'refused', 'unreachable', { state: 'down', since: ago(5) }),
      sick('d', 'refused', 'unreachable', { criticality: 'critical', since: ago(1) }),
    ];
    const { root_cause: root, others } = diagnose(all, CALM, NOW);
    expect([root, ...others].map((cause) => cause!.dependency)).toEqual(['d', 'c', 'b', 'a']);
  });

  it('looks behind an open circuit, and believes of several causes the one that brings the others about', () => {
    const troubles = [
      trouble('pool_exhausted', 'pool_exhausted', { at: ago(0) }),
      trouble('locks', 'overloaded'),
      trouble('slow', 'timeout'),
    ];
    const open = patient('database', { state: 'degraded', reason: 'circuit_open', troubles });
    expect(diagnose([open], CALM, NOW).root_cause).toMatchObject({ cause: 'locks' });
  });

  it('goes by what a dependency says of itself now before what it failed with earlier', () => {
    const troubles = [trouble('refused', 'unreachable', { at: ago(50) }), trouble('loading', 'overloaded')];
    const loading = patient('cache', { state: 'degraded', reason: 'overloaded', troubles });
    expect(diagnose([loading], CALM, NOW).root_cause).toMatchObject({ cause: 'loading' });
    const unexplained = patient('cache', { state: 'degraded', reason: 'slow', troubles });
    expect(diagnose([unexplained], CALM, NOW).root_cause).toMatchObject({ cause: 'loading' });
  });

  it('has something to say of what it knows nothing of', () => {
    const unknown = patient('cache', { state: 'down', reason: 'failed' });
    expect(diagnose([unknown], CALM, NOW).root_cause).toMatchObject({
      cause: 'server_error',
      evidence: null,
      affects: 'What the service does by it.',
    });
    const isolated = patient('cache', { state: 'down', reason: 'isolated' });
    expect(diagnose([isolated], CALM, NOW).root_cause).toMatchObject({
      cause: 'isolated',
      fix: expect.stringContaining('circuits/cache/reset'),
    });
  });

  it('notices what is up and fails again and again, and lets pass what failed once or long ago', () => {
    const exhausted = trouble('pool_exhausted', 'pool_exhausted');
    const of = (more: Partial<Trouble>) =>
      diagnose([patient('database', { troubles: [{ ...exhausted, ...more }] })], CALM, NOW).root_cause;
    expect(of({})).toMatchObject({
      dependency: 'database',
      cause: 'pool_exhausted',
      since: ago(30).toISOString(),
    });
    expect(of({ count: 2 })).toBeNull();
    expect(of({ at: ago(16) })).toBeNull();
    const healed = patient('database', { since: ago(1), troubles: [{ ...exhausted, at: ago(2) }] });
    expect(diagnose([healed], CALM, NOW).root_cause).toBeNull();
  });

  describe('a process that stood still', () => {
    const blocked = { at: ago(2), ms: 4_000 };

    it('is the cause of what seems slow, and not of what is refused', () => {
      const found = diagnose(
        [
          sick('database', 'hung', 'hung', { criticality: 'critical' }),
          sick('cache', 'refused', 'unreachable'),
        ],
        { ...CALM, blocked },
        NOW,
      );
      expect(found.root_cause).toMatchObject({
        dependency: 'process',
        cause: 'event_loop_blocked',
        evidence: 'It stood still for 4000 ms',
      });
      expect(found.others).toMatchObject([{ dependency: 'cache' }]);
      expect(found.consequences).toEqual(['database']);
    });
  });

  describe('a clock that was set', () => {
    const jumped = { at: ago(60), ms: 3_600_000 };

    it('is the cause of credentials and certificates that are refused', () => {
      const found = diagnose([sick('llm.first', 'tls', 'unauthorized')], { ...CALM, jumped }, NOW);
      expect(found.root_cause).toMatchObject({
        cause: 'clock_jump',
        affects: 'TLS or credentials of llm.first.',
        evidence: 'It was set by 3600 s',
      });
      expect(found.consequences).toEqual(['llm.first']);
    });

    it('is said where nothing else is wrong, and after what is broken by itself', () => {
      expect(diagnose([], { ...CALM, jumped }, NOW).root_cause).toMatchObject({ cause: 'clock_jump' });
      const found = diagnose([sick('cache', 'refused', 'unreachable')], { ...CALM, jumped }, NOW);
      expect(found.root_cause).toMatchObject({ dependency: 'cache' });
      expect(found.others).toMatchObject([{ cause: 'clock_jump' }]);
    });
  });

  describe('a process that has too much to do', () => {
    const overloadedSince = ago(5);

    it('is the cause of stores that do not keep up, and of no model that fails', () => {
      const found = diagnose(
        [
          sick('database', 'pool_exhausted', 'pool_exhausted', { criticality: 'critical' }),
          sick('llm.first', 'quota', 'quota'),
        ],
        { ...CALM, overloadedSince },
        NOW,
      );
      expect(found.consequences).toEqual(['database']);
      expect([found.root_cause, ...found.others].map((cause) => cause?.cause)).toEqual(['quota', 'overload']);
    });

    it('is itself a consequence where a store hangs', () => {
      const database = sick('database', 'hung', 'hung', { criticality: 'critical' });
      const found = diagnose([database], { ...CALM, overloadedSince }, NOW);
      expect(found.root_cause).toMatchObject({ dependency: 'database', cause: 'hung' });
      expect(found.others).toMatchObject([{ dependency: 'process', cause: 'overload' }]);
      expect(diagnose([], { ...CALM, overloadedSince }, NOW).root_cause).toMatchObject({
        cause: 'overload',
        since: overloadedSince.toISOString(),
      });
    });
  });

  it('names one root cause whenever something is unwell, and counts everything that is once', () => {
    const anyone = fc.record({
      criticality: fc.constantFrom<Patient['criticality']>('critical', 'optional'),
      state: fc.constantFrom<Patient['state']>('up', 'degraded', 'down'),
      cause: fc.constantFrom(...CAUSES),
      within: fc.option(fc.constantFrom('p0', 'p1'), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(anyone, { maxLength: 6 }), (all) => {
        const patients = all.map(({ criticality, state, cause, within }, i) =>
          patient(`p${i}`, {
            criticality,
            state,
            reason: state === 'up' ? null : 'failed',
            // Nothing lives in itself, nor in what comes after it.
            within: within !== undefined && Number(within[1]) < i ? within : undefined,
            troubles: state === 'up' ? [] : [trouble(cause, 'failed')],
          }),
        );
        const unwell = patients.filter(({ state }) => state !== 'up').map(({ name }) => name);
        const { root_cause: root, others, consequences } = diagnose(patients, CALM, NOW);
        expect(root === null).toBe(unwell.length === 0);
        const named = [...(root === null ? [] : [root]), ...others].map(({ dependency }) => dependency);
        expect([...named, ...consequences].toSorted()).toEqual(unwell.toSorted());
      }),
    );
  });

  it('has a runbook for each cause, which says what to do', () => {
    for (const cause of CAUSES) {
      expect(RUNBOOKS[cause].fix).toMatch(/\w/);
      expect(RUNBOOKS[cause].fix.replaceAll(/\{(setting|dependency)\}/g, '')).not.toMatch(/[{}]/);
    }
  });
});
