import { jest } from '@jest/globals';
import { ProcessWatch } from './process.watch.js';

describe('ProcessWatch', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const watching = () => {
    const watch = new ProcessWatch();
    watch.onApplicationBootstrap();
    return watch;
  };
  /** Time goes on, and no timer gets to run. */
  const standStill = (ms: number) => {
    const [monotonic, wall] = [performance.now(), Date.now()];
    jest.spyOn(performance, 'now').mockReturnValue(monotonic + ms);
    jest.setSystemTime(wall + ms);
  };
  afterEach(() => void jest.restoreAllMocks());

  it('has nothing to say of a process that gets to run', async () => {
    const watch = watching();
    await jest.advanceTimersByTimeAsync(60_000);
    expect([watch.blocked, watch.jumped]).toEqual([undefined, undefined]);
    watch.onApplicationShutdown();
  });

  it('does not take the time before the service was open for a standstill', async () => {
    const watch = new ProcessWatch();
    await jest.advanceTimersByTimeAsync(5_000);
    watch.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(250);
    expect(watch.blocked).toBeUndefined();
    watch.onApplicationShutdown();
  });

  it('notices that the process stood still, for a while', async () => {
    const watch = watching();
    await jest.advanceTimersByTimeAsync(1_000);
    standStill(3_000);
    jest.runOnlyPendingTimers();
    expect(watch.blocked).toMatchObject({ at: expect.any(Date) });
    expect(watch.blocked!.ms).toBeGreaterThanOrEqual(2_500);
    expect(watch.jumped).toBeUndefined();
    standStill(21_000);
    expect(watch.blocked).toBeUndefined();
    watch.onApplicationShutdown();
  });

  it.each([3_600_000, -3_600_000])('notices that the clock was set by %i ms', async (ms) => {
    const watch = watching();
    await jest.advanceTimersByTimeAsync(1_000);
    jest.setSystemTime(Date.now() + ms);
    await jest.advanceTimersByTimeAsync(250);
    expect(watch.jumped).toMatchObject({ ms });
    expect(watch.blocked).toBeUndefined();
    await jest.advanceTimersByTimeAsync(5 * 60_000);
    expect(watch.jumped).toBeUndefined();
    watch.onApplicationShutdown();
  });
});
