import { CallerGone, Deadline } from '../../src/kernel/deadline.js';
import { GuardedWebSearch } from '../../src/platform/web-search/guarded.web-search.js';
import { NoWebSearch } from '../../src/platform/web-search/no.web-search.js';
import { classifyWebSearch } from '../../src/platform/web-search/tavily.faults.js';
import { TavilyWebSearch } from '../../src/platform/web-search/tavily.web-search.js';
import type { Fault } from '../../src/resilience/dependency-error.js';
import { eventually } from '../support/eventually.js';
import { newDependency } from '../support/guard.js';
import { startWeb, type Web, type WebFault } from '../support/provider.web.ts';
import { PAGES, webSearchContract } from './web-search.suite.js';

const TIMEOUT_MS = 600;

let web: Web;
const tavily = () => new TavilyWebSearch(web.url, 'tvly-canary');
const guarded = () => new GuardedWebSearch(tavily(), newDependency(tavily(), classifyWebSearch), TIMEOUT_MS);

beforeAll(async () => {
  web = await startWeb(PAGES);
});
afterAll(() => web.stop());
beforeEach(async () => {
  await web.behave(undefined);
  web.requests.length = 0;
});

webSearchContract('tavily', tavily);
webSearchContract('tavily, guarded', guarded);

describe('TavilyWebSearch', () => {
  it('asks as Tavily’s API wants to be asked', async () => {
    await tavily().find('lamps', 3);
    expect(web.requests).toMatchObject([
      { headers: { authorization: 'Bearer tvly-canary' }, body: { query: 'lamps', max_results: 3 } },
    ]);
  });

  it.each<[what: string, fault: WebFault, expected: Partial<Fault>]>([
    ['nobody listens', { kind: 'refuse' }, { reason: 'unreachable', transient: true }],
    ['it says nothing', { kind: 'hang' }, { reason: 'hung', transient: false }],
    ['it breaks off', { kind: 'cut' }, { reason: 'unreachable', transient: true }],
    ['it says something else', { kind: 'body', text: '<html>' }, { reason: 'bad_reply', transient: false }],
    ['it has no results', { kind: 'body', text: '{}' }, { reason: 'bad_reply', transient: false }],
    [
      'it says too much',
      { kind: 'body', text: `{"results": "${'x'.repeat(5_000_000)}"}` },
      { reason: 'bad_reply', transient: false },
    ],
    ['the key is wrong', { kind: 'status', status: 401 }, { reason: 'unauthorized', suspendMs: 60_000 }],
    ['the plan is used up', { kind: 'status', status: 432 }, { reason: 'quota', suspendMs: 600_000 }],
    [
      'it limits us',
      { kind: 'status', status: 429, headers: { 'retry-after': '30' } },
      { reason: 'rate_limited', transient: false, suspendMs: 30_000 },
    ],
    [
      'it limits us without a time',
      { kind: 'status', status: 429 },
      { reason: 'rate_limited', suspendMs: 2_000 },
    ],
    ['it fails', { kind: 'status', status: 500 }, { reason: 'failed', transient: true }],
    [
      'it sends us elsewhere',
      { kind: 'status', status: 302, headers: { location: '/x' } },
      { reason: 'bad_reply' },
    ],
  ])('tells that %s', async (_what, fault, expected) => {
    await web.behave(fault);
    const failure = await tavily()
      .find('lamps', 3, undefined, 1_000)
      .catch((error: unknown) => error);
    expect(classifyWebSearch(failure)).toMatchObject(expected);
    expect((failure as Error).message).not.toContain('canary');
  });

  it('does not pass its check while it hangs or fails to listen', async () => {
    await web.behave({ kind: 'hang' });
    await expect(tavily().check(AbortSignal.timeout(100))).rejects.toMatchObject({
      fault: { reason: 'hung' },
    });
    await web.behave({ kind: 'status', status: 500 });
    await expect(tavily().check(AbortSignal.timeout(1_000))).rejects.toMatchObject({
      fault: { reason: 'failed' },
    });
    await web.behave({ kind: 'refuse' });
    await expect(tavily().check(AbortSignal.timeout(1_000))).rejects.toMatchObject({
      fault: { reason: 'unreachable' },
    });
  });
});

describe('The guard around a search of the web', () => {
  it.each([
    ['at its own time limit', 10_000, TIMEOUT_MS, 'hung', 1],
    ['at a third of what a request has left', 1_500, 500, 'timeout', 0],
  ])('gives up what hangs %s', async (_when, deadlineMs, limitMs, reason, faults) => {
    await web.behave({ kind: 'hang' });
    const dependency = newDependency(tavily(), classifyWebSearch);
    const search = new GuardedWebSearch(tavily(), dependency, TIMEOUT_MS);
    const deadline = new Deadline(deadlineMs);
    const startedMs = performance.now();
    await expect(deadline.run(() => search.find('lamps', 3))).rejects.toMatchObject({ reason });
    deadline.release();
    expect(performance.now() - startedMs).toBeLessThan(limitMs + 900);
    expect(dependency.statistics.counts.fault).toBe(faults);
    await eventually(() => web.requests[0]!.abandonedAtMs, { timeoutMs: 5_000 });
  });

  it('ends the search within a second when nobody waits for it any more', async () => {
    await web.behave({ kind: 'hang' });
    const deadline = new Deadline(30_000);
    const pages = deadline.run(() => guarded().find('lamps', 3));
    await eventually(() => web.requests.length === 1);
    deadline.abandon();
    await expect(pages).rejects.toBeInstanceOf(CallerGone);
    await eventually(() => web.requests[0]!.abandonedAtMs, { timeoutMs: 5_000 });
  });
});

describe('NoWebSearch', () => {
  it('says that there is none', async () => {
    await expect(new NoWebSearch().find()).rejects.toMatchObject({
      dependency: 'web_search',
      reason: 'not_installed',
    });
  });
});
