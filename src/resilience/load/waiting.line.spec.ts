import { jest } from '@jest/globals';
import type { Importance } from './importance.js';
import { WaitingLine } from './waiting.line.js';

describe('WaitingLine', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const anybody = () => true;
  const settled: string[] = [];
  const waiting = (line: WaitingLine, name: string, importance: Importance, ms = 1_000) =>
    void line.wait(importance, ms).then((admitted) => settled.push(`${name} ${admitted}`));
  const now = async () => {
    await jest.advanceTimersByTimeAsync(0);
    return settled.splice(0);
  };

  it('lets in the most important, and of these the newest', async () => {
    const line = new WaitingLine(10);
    waiting(line, 'ingest', 'ingest');
    waiting(line, 'chat', 'chat');
    waiting(line, 'feedback', 'feedback');
    waiting(line, 'newer chat', 'chat');
    expect(line.length).toBe(4);
    const order: string[] = [];
    for (const importance of ['feedback', 'chat', 'chat', 'ingest']) {
      expect(line.admit(anybody)).toBe(importance);
      order.push(...(await now()));
    }
    expect(order).toEqual(['feedback true', 'newer chat true', 'chat true', 'ingest true']);
    expect([line.admit(anybody), line.length]).toEqual([undefined, 0]);
  });

  it('passes over those for whom there is no room', async () => {
    const line = new WaitingLine(10);
    waiting(line, 'ingest', 'ingest');
    waiting(line, 'chat', 'chat');
    expect([line.admit((importance) => importance !== 'chat'), await now()]).toEqual([
      'ingest',
      ['ingest true'],
    ]);
    expect([line.admit((importance) => importance !== 'chat'), await now()]).toEqual([undefined, []]);
  });

  it('refuses who has waited as long as he may, and the oldest where there is no room', async () => {
    const line = new WaitingLine(2);
    waiting(line, 'first', 'chat', 30);
    waiting(line, 'second', 'chat', 30);
    waiting(line, 'third', 'chat', 60);
    expect(await now()).toEqual(['first false']);
    await jest.advanceTimersByTimeAsync(30);
    expect(await now()).toEqual(['second false']);
    line.admit(anybody);
    expect(await now()).toEqual(['third true']);
    await jest.advanceTimersByTimeAsync(60);
    expect([await now(), line.length]).toEqual([[], 0]);
  });
});
