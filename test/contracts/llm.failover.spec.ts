import { Logger } from '@nestjs/common';
import { CallerGone, Deadline } from '../../src/kernel/deadline.js';
import { eventually } from '../support/eventually.js';
import { PROMPT, ProviderPair } from '../support/provider.pair.js';
import type { ProviderFault } from '../support/provider.ts';

Logger.overrideLogger(false);

const FIRST_TOKEN_MS = 800;

let pair: ProviderPair;

beforeEach(async () => {
  pair = await ProviderPair.start({
    FIRST_MODEL: 'large',
    SECOND_MODEL: 'small',
    LLM_FIRST_TOKEN_TIMEOUT_MS: String(FIRST_TOKEN_MS),
    LLM_IDLE_TIMEOUT_MS: '600',
  });
});
afterEach(() => pair.stop());

const llm = () => pair.llm();
const asked = (ms: number) => pair.asked(ms);
const textOf = (completion: object) => ('text' in completion ? completion.text : undefined);
const circuitOf = (name: string) => pair.circuitOf(name);

describe('Several providers', () => {
  it('answer by the first of them while it is well', async () => {
    expect(await asked(5_000)).toMatchObject({
      text: expect.stringContaining('colza oil'),
      level: 'full',
      model: 'large',
      degraded_because: [],
      usage: { input_tokens: expect.any(Number) },
    });
    expect(pair.second.requests).toEqual([]);
  });

  it.each<[what: string, fault: ProviderFault, reason: string]>([
    ['is dead', { kind: 'refuse' }, 'unreachable'],
    ['takes connections and says nothing', { kind: 'hang', at: 'accept' }, 'hung'],
    ['takes requests and says nothing', { kind: 'hang', at: 'headers' }, 'hung'],
    ['stalls', { kind: 'stall', afterTokens: 2 }, 'hung'],
    ['is cut off', { kind: 'cut', afterTokens: 2, how: 'rst' }, 'unreachable'],
    ['ends without an end', { kind: 'unfinished', afterTokens: 2 }, 'bad_reply'],
    ['is limited', { kind: 'rate_limited', headers: { 'retry-after': '30' } }, 'rate_limited'],
    ['has no quota left', { kind: 'quota' }, 'quota'],
    ['does not know the key', { kind: 'unauthorized' }, 'unauthorized'],
    ['fails', { kind: 'status', status: 500 }, 'failed'],
    ['has a page of its proxy to show', { kind: 'html', status: 502 }, 'unreachable'],
    ['cannot read so much', { kind: 'context_length' }, 'context_length'],
    ['will not speak of it', { kind: 'finish', reason: 'content_filter' }, 'content_filter'],
  ])('answer by the second when the first %s, which is asked once', async (_what, fault, reason) => {
    await pair.first.behave(fault);
    const completion = await asked(5_000);
    expect(completion).toMatchObject({
      level: 'fallback_model',
      model: 'small',
      degraded_because: [{ dependency: 'llm.first', reason }],
    });
    expect(textOf(completion)).toContain(pair.second.of('chat')[0]!.nonce);
    expect(pair.first.of('chat').length).toBeLessThanOrEqual(1);
    expect(pair.dependencies.get('llm.first')!.statistics.retries).toBe(0);
  });

  it('say why when none of them can answer', async () => {
    await pair.first.behave({ kind: 'quota' });
    await pair.second.behave({ kind: 'refuse' });
    expect(await asked(5_000)).toMatchObject({
      level: 'none',
      degraded_because: [
        { dependency: 'llm.first', reason: 'quota' },
        { dependency: 'llm.second', reason: 'unreachable' },
      ],
    });
  });

  it.each([600, 1_500, 4_000])('answer within %i ms although both hang', async (deadlineMs) => {
    await pair.first.behave({ kind: 'hang', at: 'headers' });
    await pair.second.behave({ kind: 'hang', at: 'accept' });
    const completion = await asked(deadlineMs);
    expect(completion.level).toBe('none');
    expect(completion.degraded_because.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/hung|timeout/),
      expect.stringMatching(/hung|timeout/),
    ]);
  });

  it('are not asked when there is no time left to answer in', async () => {
    expect(await asked(100)).toMatchObject({
      level: 'none',
      degraded_because: [
        { dependency: 'llm.first', reason: 'timeout' },
        { dependency: 'llm.second', reason: 'timeout' },
      ],
    });
    expect([...pair.first.requests, ...pair.second.requests]).toEqual([]);
  });

  it('leave the second room enough when the first trickles', async () => {
    await pair.first.behave({ kind: 'drip', everyMs: 300 });
    await pair.second.behave({ kind: 'drip', everyMs: 20 });
    const completion = await asked(3_000);
    expect(completion).toMatchObject({ level: 'fallback_model' });
    expect(textOf(completion)).toContain(pair.second.of('chat')[0]!.nonce);
  });

  it('leave what hangs or trickles alone when they are done with it', async () => {
    await pair.first.behave({ kind: 'hang', at: 'headers' });
    await asked(5_000);
    await eventually(() => pair.first.of('chat')[0]!.abandonedAtMs, { timeoutMs: 5_000 });
  });

  it('end within a second when nobody waits for the answer any more', async () => {
    await pair.first.behave({ kind: 'hang', at: 'headers' });
    pair.given({ LLM_FIRST_TOKEN_TIMEOUT_MS: '30000' });
    const deadline = new Deadline(30_000);
    const answer = deadline.run(() => llm().complete(PROMPT));
    await eventually(() => pair.first.of('chat').length === 1);
    deadline.abandon();
    await expect(answer).rejects.toBeInstanceOf(CallerGone);
    await eventually(() => pair.first.of('chat')[0]!.abandonedAtMs, { timeoutMs: 5_000 });
    expect(pair.second.requests).toEqual([]);
  });
});

describe('A provider that said when to come back', () => {
  it('is asked again exactly then, and others answer at once meanwhile', async () => {
    await pair.first.behave({ kind: 'rate_limited', headers: { 'retry-after-ms': '1500' } });
    await asked(5_000);
    const limitedMs = performance.now();
    await pair.first.behave(undefined);
    let meanwhile = 0;
    let back: Awaited<ReturnType<typeof asked>>;
    do {
      back = await asked(5_000);
      if (back.level !== 'full') meanwhile += 1;
    } while (back.level !== 'full');
    // One that waited for the first provider would be the only one.
    expect(meanwhile).toBeGreaterThan(3);
    expect(pair.first.of('chat')).toHaveLength(2);
    expect(pair.first.of('chat')[1]!.atMs - limitedMs).toBeGreaterThan(1_450);
  });

  it('is not asked meanwhile, even if it is the only one', async () => {
    pair.given({ LLM_PROVIDERS: 'first' });
    await pair.first.behave({ kind: 'rate_limited', headers: { 'retry-after': '61' } });
    const together = await Promise.all([asked(5_000), asked(5_000)]);
    const later = await asked(5_000);
    for (const { level, tookMs } of [...together, later]) {
      expect(level).toBe('none');
      expect(tookMs).toBeLessThan(3_000);
    }
    expect(later.degraded_because).toEqual([{ dependency: 'llm.first', reason: 'rate_limited' }]);
    expect(pair.first.of('chat').length).toBeLessThanOrEqual(2);
  });
});

describe('A provider that is sick', () => {
  it('is found out by requests, too, that have less time than its first words may take', async () => {
    pair.given({
      LLM_PROVIDERS: 'first',
      LLM_FIRST_TOKEN_TIMEOUT_MS: '30000',
      CIRCUIT_CONSECUTIVE_FAULTS: '1',
    });
    await pair.first.behave({ kind: 'hang', at: 'headers' });
    await asked(1_000);
    expect(circuitOf('llm.first')).toBe('closed');
    // Time is kept for an answer without a model: this comes before the deadline, or it would be an error.
    expect((await asked(3_000)).level).toBe('none');
    expect(circuitOf('llm.first')).not.toBe('closed');
  });

  it('sees at most a quarter more than the calls that there are, whatever is wrong with it', async () => {
    pair.given({ LLM_PROVIDERS: 'first' });
    await pair.first.behave({ kind: 'status', status: 500 });
    const calls = 120;
    for (let i = 0; i < calls; i += 1) await asked(2_000);
    expect(pair.first.of('chat').length).toBeLessThanOrEqual(1.25 * calls);
    expect(circuitOf('llm.first')).toBe('open');
    expect(pair.first.of('chat').length).toBeLessThan(20);
  });

  it('is tried again once where nobody else can be asked, within the budget for that', async () => {
    pair.given({ LLM_PROVIDERS: 'first', CIRCUIT_CONSECUTIVE_FAULTS: '1000', CIRCUIT_WINDOW_CALLS: '10000' });
    await pair.first.behave({ kind: 'status', status: 500, rate: 0.3 });
    const calls = 150;
    let full = 0;
    for (let i = 0; i < calls; i += 1) full += (await asked(2_000)).level === 'full' ? 1 : 0;
    expect(pair.dependencies.get('llm.first')!.statistics.retries).toBeGreaterThan(0);
    expect(pair.first.of('chat').length).toBeLessThanOrEqual(1.25 * calls);
    expect(full / calls).toBeGreaterThan(0.75);
  });

  it('is found out, and then costs nobody any time, until it is well again', async () => {
    pair.given({ CIRCUIT_BACKOFF_MIN_MS: '300' });
    await pair.first.behave({ kind: 'refuse' });
    await eventually(async () => {
      await asked(5_000);
      return circuitOf('llm.first') !== 'closed';
    });
    const { degraded_because } = await asked(5_000);
    expect(degraded_because).toEqual([{ dependency: 'llm.first', reason: 'circuit_open' }]);
    await pair.first.behave(undefined);
    await eventually(async () => (await asked(5_000)).level === 'full');
    expect(pair.first.of('models').length).toBeGreaterThan(0);
  });

  it('stays in use while nobody could take its place, if it answers every other call', async () => {
    pair.given({
      LLM_PROVIDERS: 'first',
      CIRCUIT_WINDOW_CALLS: '4',
      RETRY_BUDGET_FLOOR: '0',
      RETRY_BUDGET_PERCENT: '0',
    });
    for (let i = 0; i < 20; i += 1) {
      await pair.first.behave(i % 2 === 0 ? { kind: 'status', status: 500 } : undefined);
      await asked(2_000);
    }
    expect(circuitOf('llm.first')).toBe('closed');
    pair.given({ CIRCUIT_WINDOW_CALLS: '4' });
    for (let i = 0; i < 20; i += 1) {
      await pair.first.behave(i % 2 === 0 ? { kind: 'status', status: 500 } : undefined);
      await asked(2_000);
    }
    expect(circuitOf('llm.first')).not.toBe('closed');
  });
});
