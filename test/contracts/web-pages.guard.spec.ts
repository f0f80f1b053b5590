import { CallerGone, Deadline } from '../../src/kernel/deadline.js';
import { MemoryLimits } from '../../src/platform/cache/memory.limits.js';
import { GuardedWebPages } from '../../src/platform/web-pages/guarded.web-pages.js';
import { PageFault } from '../../src/platform/web-pages/web-pages.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { newDependency } from '../support/guard.js';
import { PageServer } from '../support/page.server.js';
import { pagesOf } from '../support/pages.js';

let server: PageServer;
beforeAll(async () => void (server = await PageServer.start()));
afterAll(() => server.stop());

describe('The guard around pages', () => {
  const guarded = (perMinute: number, inner = pagesOf(server)) => {
    const dependency = newDependency({ adapter: 'web_pages', traits: inner.traits, check: async () => {} });
    const pages = new GuardedWebPages(inner, dependency, new MemoryLimits(1), {
      amount: perMinute,
      perMs: 60_000,
    });
    return { dependency, pages };
  };

  it('changes nothing while all is well', async () => {
    const { pages } = guarded(100);
    const url = server.show('/well', 'well', 'text/plain');
    expect(await pages.fetch(url)).toEqual(await pagesOf(server).fetch(url));
    expect(() => pages.assertAllowed(url)).not.toThrow();
    expect(() => pages.assertAllowed('http://10.0.0.1/')).toThrow(PageFault);
  });

  it('holds the faults of pages against nobody, and tries none of them again', async () => {
    const { dependency, pages } = guarded(100);
    const url = server.status('/sick', 500);
    for (let i = 0; i < 3; i += 1)
      await expect(pages.fetch(url)).rejects.toMatchObject({ code: 'page_unavailable' });
    await expect(pages.fetch('http://10.0.0.1/')).rejects.toMatchObject({ code: 'address_refused' });
    expect(server.count('/sick')).toBe(3);
    expect(dependency.statistics.counts).toMatchObject({ neutral: 3, fault: 0 });
    expect(dependency.lastError).toBeNull();
  });

  it('asks no host more often than it may, whatever the page, and says when it may again', async () => {
    const { dependency, pages } = guarded(
      2,
      pagesOf(server, {}, [server.host, `other.example:${server.port}`]),
    );
    const urls = [1, 2, 3].map((n) => server.show(`/flood-${n}`, 'x', 'text/plain'));
    await pages.fetch(urls[0]!);
    await pages.fetch(urls[1]!);
    await expect(pages.fetch(urls[2]!)).rejects.toMatchObject({
      reason: 'rate_limited',
      counts: false,
      retryAfterMs: expect.any(Number),
    });
    expect(server.count('/flood-3')).toBe(0);
    expect(dependency.circuit.at).toBe('closed');
    // Others are not held up by it.
    expect((await pages.fetch(server.url('/flood-3', 'other.example'))).text).toBe('x');
  });

  it('stops with whoever waits for it', async () => {
    const { pages } = guarded(100);
    const url = server.on('/waiting', () => {});
    const deadline = new Deadline(60_000);
    const page = deadline.run(() => pages.fetch(url));
    await eventually(() => server.count('/waiting') === 1);
    deadline.abandon();
    await expect(page).rejects.toBeInstanceOf(CallerGone);
    await eventuallyHolds(() => expect(server.asked.at(-1)!.abandoned).toBe(true));
  });
});
