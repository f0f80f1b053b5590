import { setTimeout as wait } from 'node:timers/promises';
import { chunkDocument } from './chunker.js';
import { ChunkerPool, type ChunkerPoolOptions, DocumentTooComplex } from './chunker.pool.js';

const SMALL = '# A\n\nb';
const LARGE = '# A\n\nSome words.\n\n'.repeat(5000);
const ENDLESS = '# *a*\n\nb\n\n'.repeat(2_000_000); // ten seconds and more

describe('ChunkerPool', () => {
  let pool: ChunkerPool;
  const open = (options?: ChunkerPoolOptions): ChunkerPool => (pool = new ChunkerPool(options));
  afterEach(() => pool.close());

  it.each([
    ['text/plain', LARGE],
    ['text/markdown', LARGE],
    ['text/html', `<h1>A</h1>${'<p>ünïcödé'.repeat(5000)}`],
    ['text/markdown', SMALL],
  ] as const)('gives for %s what is given without it', async (type, content) => {
    expect(await open().chunk(content, type)).toEqual(chunkDocument(content, type));
  });

  it('lets the event loop turn while a large document is chunked', async () => {
    open();
    await pool.chunk(LARGE, 'text/markdown'); // the thread has started
    let turns = 0;
    const turning = setInterval(() => turns++, 1);
    await pool.chunk('<p>Some words.'.repeat(100_000), 'text/html').finally(() => clearInterval(turning));
    expect(turns).toBeGreaterThan(10);
  });

  it('chunks one document after another, whatever becomes of the others', async () => {
    open({ timeLimitMs: 3000 });
    const results = await Promise.allSettled([
      pool.chunk(LARGE, 'text/plain'),
      pool.chunk(ENDLESS, 'text/markdown'),
      pool.chunk(LARGE, 'text/markdown'),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('ends what takes longer than the limit', async () => {
    const chunking = open({ timeLimitMs: 200 }).chunk(ENDLESS, 'text/markdown');
    await expect(chunking).rejects.toThrow(DocumentTooComplex);
    await expect(chunking).rejects.toMatchObject({
      name: 'DocumentTooComplex',
      message: expect.stringContaining('200 ms'),
    });
  });

  it('ends what its caller no longer wants, with the reason', async () => {
    open();
    const caller = new AbortController();
    const reason = new Error('gone');
    const running = pool.chunk(ENDLESS, 'text/markdown', caller.signal);
    const waiting = pool.chunk(LARGE, 'text/plain', caller.signal);
    setTimeout(() => caller.abort(reason), 50);
    await expect(running).rejects.toBe(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(pool.chunk(SMALL, 'text/plain', caller.signal)).rejects.toBe(reason);
    expect((await pool.chunk(LARGE, 'text/plain')).chunks).not.toEqual([]);
  });

  it('ends with what it is at, and takes nothing more for the thread', async () => {
    open();
    const running = pool.chunk(ENDLESS, 'text/markdown');
    const outcome = expect(running).rejects.toThrow();
    await wait(50);
    await pool.close();
    await outcome;
    await expect(pool.chunk(LARGE, 'text/plain')).rejects.toThrow('closed');
  });
});
