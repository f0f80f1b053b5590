import { chatCost } from './relay.cost.js';

const user = (content: unknown) => ({ role: 'user', content });

describe('chatCost', () => {
  it.each<[what: string, body: Parameters<typeof chatCost>[0], tokens: number]>([
    ['a text, and the most that may be written', { messages: [user('x'.repeat(30))] }, 10 + 500],
    ['the limit of the body', { messages: [user('x'.repeat(30))], max_tokens: 7 }, 10 + 7],
    ['its newer name before the older', { messages: [user('')], max_tokens: 7, max_completion_tokens: 9 }, 9],
    [
      'the texts of parts, and an image as one, whatever its bytes',
      {
        messages: [
          user([
            { type: 'text', text: 'x'.repeat(30) },
            { type: 'image_url', image_url: { url: 'x'.repeat(1e5) } },
          ]),
        ],
      },
      10 + 1_000 + 500,
    ],
    ['nothing of a message without content', { messages: [{ role: 'assistant', content: null }] }, 500],
    [
      'calls and tools',
      { messages: [{ role: 'assistant', tool_calls: [1] }], tools: [{ a: 'bc' }] },
      1 + 4 + 500,
    ],
  ])('counts %s', (_what, body, tokens) => {
    expect(chatCost(body, 500)).toBe(tokens);
  });
});
