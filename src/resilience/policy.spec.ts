import { jest } from '@jest/globals';
import { attempt, AttemptTimeout, Backoff } from './policy.js';

describe('attempt', () => {
  it('returns what the work returns', async () => {
    await expect(attempt(() => Promise.resolve(7), 1_000, undefined)).resolves.toBe(7);
  });

  it('passes on what the work throws', async () => {
    await expect(attempt(() => Promise.reject(new RangeError('no')), 1_000, undefined)).rejects.toThrow(
      RangeError,
    );
    await expect(attempt(() => Promise.reject('no error at all'), 1_000, undefined)).rejects.toBe(
      'no error at all',
    );
  });

  it('ends work that ignores its signal', async () => {
    await expect(attempt(() => new Promise(() => {}), 20, undefined)).rejects.toThrow(AttemptTimeout);
  });

  it('calls a timeout a timeout, also when the work rejects with an AbortError of its own', async () => {
    const obedient = (signal: AbortSignal) =>
      new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(new DOMException('Aborted', 'AbortError'))),
      );
    await expect(attempt(obedient, 20, undefined)).rejects.toThrow(AttemptTimeout);
  });

  it('ends with the reason of the caller who left', async () => {
    const caller = new AbortController();
    const ended = attempt(() => new Promise(() => {}), 1_000, caller.signal);
    caller.abort(new Error('left'));
    await expect(ended).rejects.toThrow('left');
  });

  it('leaves the signal alone after a success, so that a stream which was returned goes on', async () => {
    const signal = await attempt((s) => Promise.resolve(s), 1_000, undefined);
    expect(signal.aborted).toBe(false);
  });
});

describe('Backoff', () => {
  it('spreads retries from nothing to the full length', () => {
    const random = jest.spyOn(Math, 'random');
    random.mockReturnValue(0);
    expect(Backoff.forRetries(100, 1_000).nextMs()).toBe(0);
    random.mockReturnValue(0.999);
    const backoff = Backoff.forRetries(100, 1_000);
    const waits = Array.from({ length: 6 }, () => backoff.nextMs());
    expect(waits.every((ms, i) => i === 0 || ms >= waits[i - 1]!)).toBe(true);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
    random.mockRestore();
  });
});
