import { jest } from '@jest/globals';
import { Troubles } from './troubles.js';

describe('Troubles', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('counts what goes on, by its cause, the latest first', async () => {
    const troubles = new Troubles();
    const began = new Date();
    troubles.note('locks', 'overloaded', 'write', 'first');
    await jest.advanceTimersByTimeAsync(10_000);
    troubles.note('locks', 'overloaded', 'read', 'second');
    await jest.advanceTimersByTimeAsync(1);
    troubles.note('pool_exhausted', 'pool_exhausted', 'read', 'third');
    expect(troubles.recent()).toMatchObject([
      { cause: 'pool_exhausted', count: 1 },
      { cause: 'locks', count: 2, since: began, operation: 'read', message: 'second' },
    ]);
  });

  it('forgets what has not happened for a minute, and begins anew when it happens again', async () => {
    const troubles = new Troubles();
    troubles.note('locks', 'overloaded', 'write', 'first');
    await jest.advanceTimersByTimeAsync(30_000);
    expect(troubles.recent(20_000)).toEqual([]);
    expect(troubles.recent()).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(troubles.recent()).toEqual([]);
    troubles.note('locks', 'overloaded', 'write', 'again');
    expect(troubles.recent()).toMatchObject([{ count: 1, message: 'again' }]);
  });
});
