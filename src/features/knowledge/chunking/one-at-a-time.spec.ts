import { OneAtATime } from './one-at-a-time.js';

function gate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('OneAtATime', () => {
  it('begins a piece of work when the one before has ended, well or badly', async () => {
    const queue = new OneAtATime();
    const { open, opened } = gate();
    const log: string[] = [];
    const first = queue.run(async () => {
      log.push('first');
      await opened;
      throw new Error('no');
    });
    const second = queue.run(async () => log.push('second'));
    await Promise.resolve();
    expect(log).toEqual(['first']);
    open();
    await expect(first).rejects.toThrow('no');
    await second;
    expect(log).toEqual(['first', 'second']);
  });

  it('lets one leave while it waits, and keeps the others in order', async () => {
    const queue = new OneAtATime();
    const { open, opened } = gate();
    const log: string[] = [];
    const leaving = new AbortController();
    const first = queue.run(async () => {
      await opened;
      log.push('first');
    });
    const second = queue.run(async () => log.push('second'), leaving.signal);
    const third = queue.run(async () => log.push('third'));
    leaving.abort(new Error('gone'));
    await expect(second).rejects.toThrow('gone');
    expect(log).toEqual([]);
    open();
    await Promise.all([first, third]);
    expect(log).toEqual(['first', 'third']);
  });
});
