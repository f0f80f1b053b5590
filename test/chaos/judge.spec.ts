import { breachesOf, mayBeTheMachine } from './judge.js';
import { limitsOf } from './limits.js';
import type { Score } from './score.js';

/** A row in which nothing is wrong. */
const SCORE: Score = {
  requests: 300,
  hits: 5,
  failed: {},
  wrong: {},
  wrongSaid: [],
  silent: 0,
  late: 0,
  badBefore: {},
  p50: 5,
  p99: 300,
  max: 400,
  slowest: [],
  p99Before: 20,
  firstMs: 400,
  slower: 3,
  p99Known: 25,
  detectMs: 300,
  recoverMs: 800,
  lastBadMs: 700,
  callsKnown: 3,
  knownForMs: 3_000,
  callsPerRequest: 0.1,
  askingMax: 8,
  balance: { written: 9, acknowledged: 7, replayed: 1, lost: 0, doubled: 0, repeated: 0, stuck: 0 },
  leaks: [],
  lines: 2,
  changes: 2,
  latenessMs: 0,
};

const brokenBy = (seen: Partial<Score>, limits = limitsOf('qdrant', 'hang')) =>
  breachesOf({ ...SCORE, ...seen }, limits).map(({ limit }) => limit);

describe('breachesOf', () => {
  it('can allow for a busy machine in its times, and in nothing else', () => {
    const slow = { firstMs: 2_900, p99Known: 80, detectMs: 5_900, recoverMs: 5_900, late: 6 };
    expect(breachesOf({ ...SCORE, ...slow }, limitsOf('qdrant', 'hang'), 3)).toEqual([]);
    const wrong = { wrong: { 'answer other_tenant': 1 }, firstMs: 3_100, late: 7 };
    const found = breachesOf({ ...SCORE, ...wrong }, limitsOf('qdrant', 'hang'), 3);
    expect(found.map(({ limit }) => limit)).toEqual(['wrong', 'late', 'first']);
  });

  it('has a row tried again that is red for what a busy machine can do, and no other', () => {
    const redFor = (seen: Partial<Score>) =>
      mayBeTheMachine(breachesOf({ ...SCORE, ...seen }, limitsOf('qdrant', 'hang')));
    expect(redFor({ late: 1, failed: { 'search dependency_unavailable': 6 } })).toBe(true);
    expect(redFor({ late: 1, failed: { 'search internal': 1 } })).toBe(false);
    expect(redFor({ late: 1, failed: { 'search overloaded': 7 } })).toBe(false);
    expect(redFor({})).toBe(false);
  });

  it('finds nothing in a row in which nothing is wrong', () => {
    expect(brokenBy({})).toEqual([]);
  });

  it.each<[string, Partial<Score>]>([
    ['hits', { hits: 0 }],
    ['before', { badBefore: { 'search internal': 1 } }],
    ['refused', { failed: { 'search dependency_unavailable': 6 } }],
    ['failed', { failed: { 'search dependency_unavailable': 7 } }],
    ['failed', { failed: { 'search internal': 1 } }],
    ['wrong', { wrong: { 'answer other_tenant': 1 } }],
    ['silent', { silent: 1 }],
    ['late', { late: 1 }],
    ['secrets', { leaks: ['the log'] }],
    ['lost', { balance: { ...SCORE.balance, lost: 1 } }],
    ['doubled', { balance: { ...SCORE.balance, doubled: 1 } }],
    ['repeated', { balance: { ...SCORE.balance, repeated: 1 } }],
    ['stuck', { balance: { ...SCORE.balance, stuck: 1 } }],
    ['first', { firstMs: 1_001 }],
    ['added', { p99Known: 31 }],
    ['detect', { detectMs: 2_001 }],
    ['detect', { detectMs: null }],
    ['recover', { recoverMs: 2_001 }],
    ['recover', { recoverMs: null }],
    ['calls', { callsKnown: 5 }],
    ['log', { lines: 7 }],
  ])('says that %s does not hold', (limit, seen) => {
    expect(brokenBy(seen)).toEqual([limit]);
  });

  it('takes the lateness of the machine itself off every time, and off nothing else', () => {
    expect(brokenBy({ firstMs: 1_090, recoverMs: 2_090, p99Known: 120, latenessMs: 100 })).toEqual([]);
    expect(brokenBy({ firstMs: 1_110, callsKnown: 5, latenessMs: 100 })).toEqual(['first', 'calls']);
  });

  it('lets the truth be refused, in the words for it only', () => {
    const limits = limitsOf('postgres', 'refusal');
    expect(brokenBy({ failed: { 'write dependency_unavailable': 90 } }, limits)).toEqual([]);
    expect(brokenBy({ failed: { 'write internal': 1 } }, limits)).toEqual(['refusals']);
    expect(brokenBy({ failed: { 'read dependency_unavailable without Retry-After': 1 } }, limits)).toEqual([
      'refusals',
    ]);
  });

  it('holds a provider to its calls, and a cache to its callers', () => {
    expect(brokenBy({ callsPerRequest: 1.3 }, limitsOf('llm-primary', 'partial'))).toEqual([
      'calls per request',
    ]);
    expect(brokenBy({ slower: 11, firstMs: 300 }, limitsOf('redis', 'hang'))).toEqual(['slower']);
  });
});
