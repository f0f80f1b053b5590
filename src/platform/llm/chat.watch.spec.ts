import { ChatWatch, type Seen } from './chat.watch.js';

const event = (data: unknown) =>
  Buffer.from(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
const delta = (fields: object, more: object = {}) =>
  event({ choices: [{ index: 0, delta: fields, finish_reason: null, ...more }], usage: null });
const finish = (reason: string, index = 0) =>
  event({ choices: [{ index, delta: {}, finish_reason: reason }] });
const USAGE = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } };

describe('ChatWatch', () => {
  it.each<[what: string, event: Buffer, seen: Seen]>([
    ['a comment', Buffer.from(': still there\n\n'), 'comment'],
    ['who speaks', delta({ role: 'assistant', content: '' }), 'opening'],
    ['who speaks, at length', delta({ role: 'assistant', content: null, tool_calls: [] }), 'opening'],
    ['no choice', event({ choices: [], prompt_filter_results: [] }), 'opening'],
    ['no choices at all', event({ usage: null }), 'opening'],
    ['a choice without a word', event({ choices: [{ index: 0 }] }), 'opening'],
    ['a word', delta({ content: 'a' }), 'words'],
    ['a blank', delta({ content: ' ' }), 'words'],
    ['a call', delta({ tool_calls: [{ index: 0, id: 'c' }] }), 'words'],
    ['a thought', delta({ reasoning_content: 'hm' }), 'words'],
    ['a finish alone', finish('stop'), 'words'],
    ['what it cost', event(USAGE), 'usage'],
  ])('takes %s for what it is', (_what, bytes, seen) => {
    expect(new ChatWatch(1).see(bytes)).toBe(seen);
  });

  it('knows that an answer is whole when each that was asked for has finished', () => {
    const watch = new ChatWatch(2);
    watch.see(delta({ content: 'a' }));
    expect(watch.whole).toBe(false);
    watch.see(finish('stop'));
    watch.see(finish('stop'));
    expect(watch.whole).toBe(false);
    watch.see(finish('tool_calls', 1));
    expect(watch.whole).toBe(true);
    expect(watch.see(event('[DONE]'))).toBe('done');
  });

  it('reads what it cost, beside a choice or alone', () => {
    const alone = new ChatWatch(1);
    alone.see(delta({ content: 'a' }));
    expect(alone.usage).toBeNull();
    alone.see(event(USAGE));
    expect(alone.usage).toEqual({ input_tokens: 3, output_tokens: 4 });
    const beside = new ChatWatch(1);
    expect(beside.see(event({ ...USAGE, choices: [{ index: 0, delta: { content: 'a' } }] }))).toBe('words');
    expect(beside.usage).toEqual({ input_tokens: 3, output_tokens: 4 });
  });

  it('is not misled by words that look like what it looks for', () => {
    const watch = new ChatWatch(1);
    watch.see(delta({ content: 'a' }));
    for (const content of [
      '"finish_reason":"stop"',
      '{"error":{"code":"x"}}',
      '[DONE]',
      '"usage":{"prompt_tokens":1}',
    ])
      expect(watch.see(delta({ content }))).toBe('words');
    expect(watch.whole).toBe(false);
    expect(watch.usage).toBeNull();
  });

  it.each([
    ['an end before any finish', event('[DONE]'), 'bad_reply'],
    ['half of an object', event('{"choices": [{"del'), 'bad_reply'],
    ['no object', event('null'), 'bad_reply'],
    ['an error', event({ error: { message: 'm', code: 'server_error' } }), 'failed'],
    ['a rate limit', event({ error: { code: 'rate_limit_exceeded' } }), 'rate_limited'],
  ])('ends with %s, at the beginning and behind words', (_what, bytes, reason) => {
    const fresh = new ChatWatch(1);
    const begun = new ChatWatch(1);
    begun.see(delta({ content: 'a' }));
    for (const watch of [fresh, begun])
      expect(() => watch.see(bytes)).toThrow(
        expect.objectContaining({ fault: expect.objectContaining({ reason }) }),
      );
  });

  it('keeps the words of a refusal, for whoever asked', () => {
    const error = { message: 'Too long', code: 'context_length_exceeded' };
    expect(() => new ChatWatch(1).see(event({ error }))).toThrow(
      expect.objectContaining({
        why: 'context_length',
        reply: { status: 400, body: JSON.stringify({ error }) },
      }),
    );
  });
});
