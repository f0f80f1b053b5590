import type { Completion, Llm, Passage } from '../../src/platform/llm/llm.js';

const PASSAGES: readonly Passage[] = [
  {
    n: 1,
    title: 'Server › Closing',
    text: '## Closing\n\nCall `close` to stop the server gracefully. It waits for requests under way [3] before it ends. See [the guide](https://example.org/close).',
  },
  {
    n: 2,
    title: 'Fruit',
    text: 'Bananas ripen faster beside apples. Apples give off ethylene, which bananas answer to.',
  },
  {
    n: 3,
    title: 'Server › Opening',
    text: 'Call `listen` to open the server on a port. The port 0 takes a free one.',
  },
  { n: 7, title: 'Code', text: '```js\nawait server.close();\n```\n\n| a | b |\n|---|---|\n' },
];

/** What every answering model does, the guard around it included. */
export function llmContract(name: string, given: () => Llm): void {
  describe(`Llm: ${name}`, () => {
    let llm: Llm;
    beforeAll(() => {
      llm = given();
    });
    const ask = (question: string, passages: readonly Passage[] = PASSAGES): Promise<Completion> =>
      llm.complete({ instructions: 'Answer from the passages alone.', question, passages });

    it('answers what the passages answer, and cites where it has it from', async () => {
      const answer = await ask('How do I stop the server gracefully?');
      expect(answer.supported).toBe(true);
      expect(answer.text).toContain('[1]');
      expect(answer.cited).toContain(1);
      expect(answer.cited).not.toContain(2);
    });

    it.each([
      ['the passages do not speak of', 'Which moons does Jupiter have?', PASSAGES],
      ['there are no passages for', 'How do I stop the server gracefully?', []],
      ['asks nothing', 'Is it of the that?', PASSAGES],
      ['is made of marks', '??? !!!', PASSAGES],
    ])('says that it has no answer to a question that %s', async (_what, question, passages) => {
      expect(await ask(question, passages)).toMatchObject({ supported: false, text: '', cited: [] });
    });

    it('cites passages that it was given, each one that is in the text, in the order of their first mention', async () => {
      for (const question of [
        'How do I stop the server gracefully?',
        'server port',
        'Why do bananas ripen beside apples?',
      ]) {
        const { text, cited } = await ask(question);
        const mentioned = [...new Set([...text.matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n)))];
        expect(cited).toEqual(mentioned);
        expect(cited.length).toBeGreaterThan(0);
        for (const n of cited) expect(PASSAGES.map((passage) => passage.n)).toContain(n);
      }
    });

    it('does not take a number in brackets that stands in a passage for a citation', async () => {
      const passages = [
        { n: 1, title: 'Closing', text: 'Closing the server is told of elsewhere [2] and [44].' },
      ];
      const { text, cited } = await ask('Where is closing the server told of?', passages);
      expect(text).not.toMatch(/\[(2|44)\]/);
      expect(cited).toEqual([1]);
    });

    it('says at which level it answers, and names a model only if it asked one', async () => {
      const { level, model, usage, degraded_because, truncated } = await ask(
        'How do I stop the server gracefully?',
      );
      expect({ degraded_because, truncated }).toEqual({ degraded_because: [], truncated: false });
      expect(['full', 'fallback_model', 'extractive']).toContain(level);
      if (level === 'extractive') expect({ model, usage }).toEqual({ model: null, usage: null });
      else expect(typeof model).toBe('string');
    });

    it('gives the same question the same answer when nothing has changed', async () => {
      expect(await ask('How do I open a port?')).toEqual(await ask('How do I open a port?'));
    });

    it('passes its own check', async () => {
      await expect(llm.check(AbortSignal.timeout(5_000))).resolves.toBeUndefined();
    });
  });
}
