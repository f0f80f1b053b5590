import fc from 'fast-check';
import { type Judged, verdict } from './verdict.js';

describe('verdict', () => {
  it.each<[string, Judged[], string]>([
    ['nothing to judge', [], 'ready'],
    ['all up', [{ criticality: 'critical', state: 'up' }], 'ready'],
    ['something optional degraded', [{ criticality: 'optional', state: 'degraded' }], 'degraded'],
    ['something optional down', [{ criticality: 'optional', state: 'down' }], 'degraded'],
    ['something critical degraded', [{ criticality: 'critical', state: 'degraded' }], 'degraded'],
    ['something critical down', [{ criticality: 'critical', state: 'down' }], 'not_ready'],
  ])('%s', (_, dependencies, expected) => {
    expect(verdict(dependencies, false)).toBe(expected);
  });

  it('is shutting_down while the process stops, whatever is up', () => {
    expect(verdict([{ criticality: 'critical', state: 'up' }], true)).toBe('shutting_down');
  });

  it('is never better for worse input', () => {
    const states = ['up', 'degraded', 'down'] as const;
    const verdicts = ['ready', 'degraded', 'not_ready'];
    const judged = fc.record({
      criticality: fc.constantFrom('critical', 'optional'),
      state: fc.constantFrom(...states),
    });
    fc.assert(
      fc.property(fc.array(judged as fc.Arbitrary<Judged>, { minLength: 1 }), fc.nat(), (dependencies, n) => {
        const i = n % dependencies.length;
        const worse = states[Math.min(2, states.indexOf(dependencies[i]!.state) + 1)]!;
        const worsened = dependencies.with(i, { ...dependencies[i]!, state: worse });
        expect(verdicts.indexOf(verdict(worsened, false))).toBeGreaterThanOrEqual(
          verdicts.indexOf(verdict(dependencies, false)),
        );
      }),
    );
  });
});
