import OpenAI from 'openai';
import { Dependencies } from '../../src/resilience/dependencies.js';
import { Door } from '../support/door.js';
import { vectorOf } from '../support/provider.model.ts';

const HELLO = [{ role: 'user' as const, content: 'Hello there' }];

describe('The door goes through the same guard as all else', () => {
  let door: Door;
  const given = async (env: Record<string, string>) => {
    door = await Door.open(env);
  };
  afterEach(() => door?.close());
  const ask = (body: object = {}, timeoutMs = 3_000) =>
    door.client().chat.completions.create({ model: 'mainstay', messages: HELLO, ...body } as never, {
      headers: { 'X-Request-Timeout-Ms': String(timeoutMs) },
    }) as Promise<OpenAI.ChatCompletion>;
  const circuit = (name: string) => door.service.app.get(Dependencies).get(name)!.circuit.at;

  it('a provider’s requests a minute are kept: the rest is another’s, or comes again later', async () => {
    await given({ FIRST_RPM: '1' });
    const models = [];
    for (let i = 0; i < 3; i += 1) models.push((await ask()).model);
    expect(models).toEqual(['large', 'small', 'small']);
    expect(door.first.of('chat')).toHaveLength(1);
    const refused = await ask({ model: 'large' }).then(undefined, (error: unknown) => error);
    expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
    const wait = Number((refused as { headers: Headers }).headers.get('retry-after'));
    expect(wait).toBeGreaterThan(3);
    expect(wait).toBeLessThanOrEqual(60);
    expect(door.first.of('chat')).toHaveLength(1);
  });

  it('a provider’s tokens a minute are kept, by what a body reads and may write', async () => {
    await given({ FIRST_TPM: '2000' });
    expect((await ask({ max_tokens: 1_800 })).model).toBe('large');
    expect((await ask({ max_completion_tokens: 1_800 })).model).toBe('small');
    // Under the name that a provider of this kind knows.
    expect(door.second.of('chat').at(-1)!.body).toMatchObject({ max_tokens: 1_800 });
    expect(door.second.of('chat').at(-1)!.body).not.toHaveProperty('max_completion_tokens');
  });

  it('the circuit of a sick provider opens, for the answers of this service as well, and spares it', async () => {
    await given({ CIRCUIT_CONSECUTIVE_FAULTS: '3', CIRCUIT_BACKOFF_MIN_MS: '60000' });
    await door.first.behave({ kind: 'status', status: 500 });
    for (let i = 0; i < 10; i += 1) expect((await ask({ stream: false })).model).toBe('small');
    expect(circuit('llm.first')).not.toBe('closed');
    expect(door.first.of('chat').length).toBeLessThanOrEqual(4);
    const asked = door.first.of('chat').length;
    const answer = await door.service.api('POST', '/api/v1/answers', {
      question: 'What does the lamp burn?',
    });
    expect(answer.body.answer_level).not.toBe('full');
    expect(door.first.of('chat')).toHaveLength(asked);
  });

  it('the only provider is asked once more, and not more often', async () => {
    await given({ LLM_PROVIDERS: 'first' });
    await door.first.behave({ kind: 'status', status: 500 });
    for (const stream of [false, true]) {
      const before = door.first.of('chat').length;
      await expect(ask({ stream })).rejects.toMatchObject({ status: 503 });
      expect(door.first.of('chat')).toHaveLength(before + 2);
    }
  });

  it.each(['float', 'base64'] as const)(
    'a provider that knows vectors as %s alone is no matter',
    async (encoding) => {
      door = await Door.open({}, { encoding });
      const input = ['The lamp burns oil', 'The keeper trims the wick'];
      const embedded = async (asked: object) =>
        (await door.client().embeddings.create({ model: 'vectors', input, ...asked })).data;
      const decoded = await embedded({});
      const floats = await embedded({ encoding_format: 'float' });
      const base64 = (await embedded({ encoding_format: 'base64' })) as unknown as { embedding: string }[];
      for (const [i, text] of input.entries()) {
        const expected = [...Float32Array.from(vectorOf(text, 64))];
        expect([...Float32Array.from(decoded[i]!.embedding)]).toEqual(expected);
        expect([...Float32Array.from(floats[i]!.embedding)]).toEqual(expected);
        expect(base64[i]!.embedding).toBe(Buffer.from(Float32Array.from(expected).buffer).toString('base64'));
      }
    },
  );

  it('maintenance is said as OpenAI would say it', async () => {
    await given({});
    const { api } = door.service;
    await api('PUT', '/api/v1/operations/maintenance', {
      enabled: true,
      detail: 'Back soon',
      retry_after_s: 30,
    });
    const error = await ask().then(undefined, (e: unknown) => e);
    expect(error).toMatchObject({ status: 503, code: 'maintenance', type: 'server_error' });
    expect((error as { headers: Headers }).headers.get('retry-after')).not.toBeNull();
  });
});
