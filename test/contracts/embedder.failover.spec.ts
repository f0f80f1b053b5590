import { Logger } from '@nestjs/common';
import { CallerGone, Deadline } from '../../src/kernel/deadline.js';
import { FailoverEmbedder } from '../../src/platform/llm/failover.embedder.js';
import { HashingEmbedder } from '../../src/platform/llm/hashing.embedder.js';
import { eventually } from '../support/eventually.js';
import { ProviderPair, within } from '../support/provider.pair.js';
import type { ProviderFault } from '../support/provider.ts';

Logger.overrideLogger(false);

const DIMENSION = 32;

let pair: ProviderPair;

beforeEach(async () => {
  const settings = {
    FIRST_EMBEDDING_MODEL: 'model',
    FIRST_EMBEDDING_DIMENSION: String(DIMENSION),
    SECOND_EMBEDDING_MODEL: 'model',
    SECOND_EMBEDDING_DIMENSION: String(DIMENSION),
    EMBEDDING_TIMEOUT_MS: '1500',
  };
  pair = await ProviderPair.start(settings, { dimension: DIMENSION });
});
afterEach(() => pair.stop());

const embedder = () => new FailoverEmbedder(pair.providers.embedders);

describe('Embedders that make the same vectors', () => {
  it.each<[what: string, fault: ProviderFault]>([
    ['is dead', { kind: 'refuse' }],
    ['hangs', { kind: 'hang', at: 'headers' }],
    ['has no quota left', { kind: 'quota' }],
    ['makes other vectors than it should', { kind: 'embeddings', wrong: 'dimension' }],
    ['refuses what it is sent', { kind: 'status', status: 400 }],
  ])('stand in for each other when the first %s', async (_what, fault) => {
    const [well] = await embedder().embed(['red lamp']);
    await pair.first.behave(fault);
    const [instead] = await within(5_000, () => embedder().embed(['red lamp']));
    expect([...instead!]).toEqual([...well!]);
    expect(pair.second.of('embeddings')).toHaveLength(1);
  });

  it('fail as the first choice did when none of them can', async () => {
    await pair.first.behave({ kind: 'quota' });
    await pair.second.behave({ kind: 'status', status: 400 });
    await expect(within(5_000, () => embedder().embed(['a']))).rejects.toMatchObject({
      dependency: 'embeddings.first',
      reason: 'quota',
    });
  });

  it('leave a request half of its time and more when all of them hang', async () => {
    pair.given({ EMBEDDING_TIMEOUT_MS: '60000' });
    for (const provider of [pair.first, pair.second]) await provider.behave({ kind: 'hang', at: 'headers' });
    // Were it all of its time, the request would end with that instead.
    await expect(within(1_000, () => embedder().embed(['a']))).rejects.toMatchObject({ reason: 'timeout' });
    expect(pair.dependencies.get('embeddings.first')!.statistics.counts.fault).toBe(0);
  });

  it('are found out when they hang longer than an embedding takes', async () => {
    await pair.first.behave({ kind: 'hang', at: 'headers' });
    await within(5_000, () => embedder().embed(['a']));
    expect(pair.dependencies.get('embeddings.first')!.statistics.counts.fault).toBe(1);
    expect(pair.dependencies.get('embeddings.first')!.lastError).toMatchObject({ reason: 'hung' });
    await eventually(() => pair.first.of('embeddings')[0]!.abandonedAtMs, { timeoutMs: 5_000 });
  });

  it('are tried again where nobody waits for them', async () => {
    pair.given({ LLM_PROVIDERS: 'first' });
    await pair.first.behave({ kind: 'status', status: 503 });
    const vectors = within(30_000, () => embedder().embed(['red lamp']), 'background');
    await eventually(() => pair.first.of('embeddings').length === 1);
    await pair.first.behave(undefined);
    expect(await vectors).toHaveLength(1);
    expect(pair.first.of('embeddings')).toHaveLength(2);
  });

  it('end within a second when nobody waits for them any more', async () => {
    pair.given({ EMBEDDING_TIMEOUT_MS: '60000' });
    await pair.first.behave({ kind: 'hang', at: 'headers' });
    const deadline = new Deadline(30_000);
    const vectors = deadline.run(() => embedder().embed(['a']));
    await eventually(() => pair.first.of('embeddings').length === 1);
    deadline.abandon();
    await expect(vectors).rejects.toBeInstanceOf(CallerGone);
    await eventually(() => pair.first.of('embeddings')[0]!.abandonedAtMs, { timeoutMs: 5_000 });
    expect(pair.second.requests).toEqual([]);
  });
});

describe('An embedder that makes other vectors', () => {
  it.each([
    ['another model', { SECOND_EMBEDDING_MODEL: 'another' }],
    ['another dimension', { SECOND_EMBEDDING_DIMENSION: '64' }],
  ])('of %s is no substitute', async (_what, env) => {
    pair.given(env);
    expect([...pair.dependencies].map(({ name }) => name)).toEqual(['embeddings.first']);
    await pair.first.behave({ kind: 'quota' });
    await expect(embedder().embed(['a'])).rejects.toMatchObject({ dependency: 'embeddings.first' });
    expect(pair.second.requests).toEqual([]);
  });

  it('cannot be put behind one by mistake', () => {
    expect(() => new FailoverEmbedder([...pair.providers.embedders, new HashingEmbedder()])).toThrow(
      'same vectors',
    );
    expect(() => new FailoverEmbedder([])).toThrow('same vectors');
  });
});
