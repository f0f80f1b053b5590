import { scoreOf } from './score.js';
import type { Observation } from './score.js';
import type { Sample } from './traffic.js';

/** A search, well unless it is said otherwise. */
const search = (dueMs: number, tookMs: number, other: Partial<Sample> = {}): Sample => ({
  op: 'search',
  dueMs,
  tookMs,
  lateMs: 0,
  verdict: 'ok',
  level: 'hybrid',
  explained: false,
  ...other,
});
const keyword = { level: 'keyword', explained: true };

/** A fault of the vectors from 1 000 to 5 000, known from 2 000 on. */
const seen = (other: Partial<Observation> = {}): Observation => ({
  target: { name: 'qdrant', shownAs: /./, lines: [], processes: [], providers: [] },
  warming: [],
  samples: [
    search(0, 10),
    search(990, 20, keyword),
    search(1_000, 900, keyword),
    search(3_000, 5, keyword),
    search(5_000, 6, keyword),
    search(5_100, 12),
  ],
  turns: [
    { atMs: 0, state: 'up' },
    { atMs: 2_000, state: 'degraded' },
  ],
  counts: [0, 1_000, 2_500, 4_500, 6_000].map((atMs, i) => ({
    atMs,
    calls: 10 * i,
    connections: i,
    asking: i === 2 ? 7 : 0,
  })),
  log: [
    { atMs: 500, level: 50, event: undefined, text: 'before' },
    { atMs: 2_000, level: 40, event: 'dependency.changed', text: 'it is degraded' },
    { atMs: 5_100, level: 30, event: 'dependency.changed', text: 'it is up' },
  ],
  balance: { written: 0, acknowledged: 0, replayed: 0, lost: 0, doubled: 0, repeated: 0, stuck: 0 },
  leaks: [],
  hits: 3,
  latenessMs: 0,
  beganMs: 1_000,
  healingMs: 4_900,
  healedMs: 5_000,
  ...other,
});

describe('scoreOf', () => {
  it('tells before, during and after the fault apart, and takes who was under way for one who met it', () => {
    const score = scoreOf(seen());
    expect(score).toMatchObject({ requests: 5, p99Before: 10, max: 900, firstMs: 900, p99Known: 5 });
    expect(score).toMatchObject({ detectMs: 1_000, recoverMs: 112, lastBadMs: 6, lines: 1, changes: 2 });
  });

  it('counts the calls of each request from the first on, and of the time that it was known', () => {
    const score = scoreOf(seen({ warming: [search(-500, 10)] }));
    expect(score).toMatchObject({ callsKnown: 10, knownForMs: 2_000, askingMax: 7 });
    expect(score.callsPerRequest).toBe(30 / 5);
  });

  it('finds what is worse than before and does not say why', () => {
    const mute = search(3_100, 5, { level: 'keyword' });
    expect(scoreOf(seen()).silent).toBe(0);
    expect(scoreOf(seen({ samples: [...seen().samples, mute] })).silent).toBe(1);
  });

  it('has not recovered while every reply is less than before', () => {
    const { samples } = seen();
    expect(scoreOf(seen({ samples: samples.slice(0, -1) })).recoverMs).toBeNull();
  });

  it('takes a cache, which nobody misses, for recovered when the service says so, and at once if it said so before', () => {
    const cache = { ...seen().target, name: 'redis' as const };
    const turned = (atMs: number) => [...seen().turns, { atMs, state: 'up' }];
    expect(scoreOf(seen({ target: cache })).recoverMs).toBeNull();
    expect(scoreOf(seen({ target: cache, turns: turned(5_400) })).recoverMs).toBe(400);
    expect(scoreOf(seen({ target: cache, turns: turned(3_000) })).recoverMs).toBe(0);
  });

  it('counts failures from the beginning of the fault on, and earlier ones apart', () => {
    const failed = { verdict: 'failed', why: 'internal' } as const;
    const samples = [
      ...seen().samples,
      search(100, 5, failed),
      search(3_000, 5, failed),
      search(5_500, 5, failed),
    ];
    expect(scoreOf(seen({ samples }))).toMatchObject({
      failed: { 'search internal': 2 },
      badBefore: { 'search internal': 1 },
    });
  });

  it('takes a reply for late only beyond the 50 ms, and beyond what the machine itself was late', () => {
    const samples = [...seen().samples, search(3_000, 4_070, { lateMs: 70 })];
    expect(scoreOf(seen({ samples })).late).toBe(1);
    expect(scoreOf(seen({ samples, latenessMs: 30 })).late).toBe(0);
  });
});
