import { Logger } from '@nestjs/common';
import type { Completion } from '../../src/platform/llm/llm.js';
import { ProviderPair } from '../support/provider.pair.js';

Logger.overrideLogger(false);

const FIRST_TOKEN_MS = 2_000;

let pair: ProviderPair;

beforeEach(async () => {
  pair = await ProviderPair.start({
    FIRST_MODEL: 'large',
    SECOND_MODEL: 'small',
    LLM_FIRST_TOKEN_TIMEOUT_MS: String(FIRST_TOKEN_MS),
    LLM_IDLE_TIMEOUT_MS: '2000',
  });
});
afterEach(() => pair.stop());

const asked = (ms: number) => pair.asked(ms);
const circuitOf = (name: string) => pair.circuitOf(name);

describe('What a provider allows', () => {
  it('is kept: what comes over its requests a minute goes to the next', async () => {
    pair.given({ FIRST_RPM: '3' });
    const levels = [];
    for (let i = 0; i < 5; i += 1) levels.push(await asked(5_000));
    expect(levels.map(({ level }) => level)).toEqual([
      'full',
      'full',
      'full',
      'fallback_model',
      'fallback_model',
    ]);
    expect(levels[4]!.degraded_because).toEqual([{ dependency: 'llm.first', reason: 'rate_limited' }]);
    // The next place under the limit is twenty seconds away.
    expect(levels[4]!.tookMs).toBeLessThan(3_000);
    expect(pair.first.of('chat')).toHaveLength(3);
    expect(circuitOf('llm.first')).toBe('closed');
  });

  it('is kept: its tokens a minute as well, reckoned before the call', async () => {
    pair.given({ FIRST_TPM: '2500', LLM_TOKENS_MAX: '1000' });
    const levels = [];
    for (let i = 0; i < 3; i += 1) levels.push((await asked(5_000)).level);
    expect(levels).toEqual(['full', 'full', 'fallback_model']);
  });
});

describe('The checks of a provider', () => {
  it('ask for its list of models, and never for a token', async () => {
    for (const dependency of pair.dependencies) await dependency.check(1_000);
    expect(pair.first.requests.map(({ route }) => route)).toEqual(['models']);
    expect(pair.second.requests.map(({ route }) => route)).toEqual(['models']);
  });

  it('fail while it hangs or does not know the key', async () => {
    const check = () => pair.dependencies.get('llm.first')!.check(3_000);
    await pair.first.behave({ kind: 'unauthorized' });
    await expect(check()).rejects.toMatchObject({ fault: { reason: 'unauthorized' } });
    await pair.first.behave({ kind: 'hang', at: 'headers' });
    await expect(check()).rejects.toMatchObject({ fault: { reason: 'hung' } });
  });
});

describe('What was spent', () => {
  it('is told by each model, in tokens and in money', async () => {
    pair.given({ FIRST_PRICE_INPUT: '2', FIRST_PRICE_OUTPUT: '10' });
    const { usage } = (await asked(5_000)) as Completion;
    const { input_tokens, output_tokens } = usage!;
    expect(pair.dependencies.get('llm.first')!.facts).toMatchObject({
      model: 'large',
      input_tokens,
      output_tokens,
      cost_usd: (2 * input_tokens + 10 * output_tokens) / 1_000_000,
    });
    // One that does not say what it cost is not guessed at.
    const before = pair.dependencies.get('llm.first')!.facts;
    await pair.first.behave({ kind: 'linger' });
    expect(await asked(5_000)).toMatchObject({ level: 'full', usage: null });
    expect(pair.dependencies.get('llm.first')!.facts).toMatchObject({ cost_usd: before['cost_usd'] });
  });
});
