import fc from 'fast-check';
import { type Judged, type Standing, verdict } from './verdict.js';

const WELL: Standing = { opened: true, stopping: false, maintenance: false, failOpen: false };

describe('verdict', () => {
  it.each<[string, Judged[], string]>([
    ['nothing to judge', [], 'ready'],
    ['all up', [{ criticality: 'critical', state: 'up' }], 'ready'],
    ['something optional degraded', [{ criticality: 'optional', state: 'degraded' }], 'degraded'],
    ['something optional down', [{ criticality: 'optional', state: 'down' }], 'degraded'],
    ['something critical degraded', [{ criticality: 'critical', state: 'degraded' }], 'degraded'],
    ['something critical down', [{ criticality: 'critical', state: 'down' }], 'not_ready'],
  ])('%s', (_, dependencies, expected) => {
    expect(verdict(dependencies, WELL)).toBe(expected);
  });

  it.each<[string, Partial<Standing>, string]>([
    ['the process stops', { stopping: true }, 'shutting_down'],
    ['it stops before it has opened everything', { stopping: true, opened: false }, 'shutting_down'],
    ['something critical was not opened yet', { opened: false }, 'not_ready'],
    ['an operator keeps callers away', { maintenance: true }, 'not_ready'],
  ])('says so when %s, whatever is up', (_, standing, expected) => {
    expect(verdict([{ criticality: 'critical', state: 'up' }], { ...WELL, ...standing })).toBe(expected);
  });

  it('keeps traffic coming where it was said to fail open', () => {
    const down: Judged[] = [{ criticality: 'critical', state: 'down' }];
    expect(verdict(down, { ...WELL, failOpen: true })).toBe('degraded');
    expect(verdict(down, { ...WELL, failOpen: true, opened: false })).toBe('not_ready');
  });

  it('is never better for worse input', () => {
    const states = ['up', 'degraded', 'down'] as const;
    const verdicts = ['ready', 'degraded', 'not_ready'];
    const judged: fc.Arbitrary<Judged> = fc.record({
      criticality: fc.constantFrom('critical', 'optional'),
      state: fc.constantFrom(...states),
    });
    fc.assert(
      fc.property(
        fc.array(judged, { minLength: 1 }),
        fc.nat(),
        fc.boolean(),
        fc.boolean(),
        (dependencies, n, failOpen, opened) => {
          const standing = { ...WELL, failOpen, opened };
          const i = n % dependencies.length;
          const worse = states[Math.min(2, states.indexOf(dependencies[i]!.state) + 1)]!;
          const worsened = dependencies.with(i, { ...dependencies[i]!, state: worse });
          expect(verdicts.indexOf(verdict(worsened, standing))).toBeGreaterThanOrEqual(
            verdicts.indexOf(verdict(dependencies, standing)),
          );
        },
      ),
    );
  });
});
