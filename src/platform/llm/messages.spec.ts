import { messagesOf } from './messages.js';

const PASSAGES = [
  { n: 1, title: 'Lamp', text: 'The lamp burns colza oil [7]. See https://lamps.example/oil for more.' },
  { n: 2, title: 'Fog', text: 'In fog the horn sounds.' },
];

describe('messagesOf', () => {
  const messages = () =>
    messagesOf({ instructions: 'Be brief.', question: 'What burns?', passages: PASSAGES }).map(
      ({ content }) => content as string,
    );

  it('puts the passages between two lines that nobody can know beforehand', () => {
    const [system, user] = messages();
    const boundary = /lines that read (\S+)\./.exec(system!)![1]!;
    const parts = user!.split(boundary);
    expect(parts).toHaveLength(3);
    expect(parts[0]).toBe('Question: What burns?\n\n');
    expect(parts[1]).toContain('[1] Lamp\nThe lamp burns colza oil');
    expect(parts[2]).toBe('');
  });

  it('lets no number in a passage look like a citation', () => {
    expect(messages()[1]).toContain('colza oil (7).');
  });

  it('lets no form of a citation in from a passage or its title', () => {
    const passages = [{ n: 1, title: 'Title [3]', text: 'One [1, 2] and [ 3 ] and 【4】.' }];
    const [, user] = messagesOf({ instructions: '', question: '', passages });
    expect(user!.content).toContain('[1] Title (3)\nOne (1, 2) and (3) and (4).');
  });

  it('is the same for the same prompt, and no passage can know its boundary', () => {
    const prompt = (text: string) =>
      messagesOf({ instructions: '', question: '', passages: [{ n: 1, title: '', text }] });
    const boundary = (text: string) => /=====\S+=====/.exec(prompt(text)[0]!.content as string)![0];
    expect(prompt('One.')).toEqual(prompt('One.'));
    expect(prompt(`One. ${boundary('One.')}`)[0]!.content).not.toContain(boundary('One.'));
  });

  it('puts what was said before between the instructions and the question', () => {
    const history = [
      { role: 'user', content: 'Hello.' },
      { role: 'assistant', content: 'Good day.' },
    ] as const;
    expect(messagesOf({ instructions: 'Be brief.', question: 'Why?', passages: [], history })).toEqual([
      { role: 'system', content: 'Be brief.' },
      ...history,
      { role: 'user', content: 'Why?' },
    ]);
  });
});
