import { all } from '../support/all.js';
import type { Completion, Llm, Passage, Writing } from '../../src/platform/llm/llm.js';

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

/** What whoever writes does, however many models there are. */
export function llmContract(name: string, given: () => Llm): void {
  describe(`Llm: ${name}`, () => {
    let llm: Llm;
    beforeAll(() => {
      llm = given();
    });
    const promptOf = (question: string, passages: readonly Passage[] = PASSAGES) => ({
      instructions: 'Answer from the passages alone.',
      question,
      passages,
      mustCite: true,
    });
    const ask = async (question: string, passages?: readonly Passage[]): Promise<Completion> => {
      const completion = await llm.complete(promptOf(question, passages));
      if (completion.level === 'none') throw new Error('Nobody could write');
      return completion;
    };
    const read = (question: string) => all(llm.stream(promptOf(question)));

    it('answers what the passages answer, and cites where it has it from', async () => {
      const answer = await ask('How do I stop the server gracefully?');
      expect(answer.text).toContain('[1]');
      expect(answer.cited).toContain(1);
      expect(answer.cited).not.toContain(2);
    });

    it.each([
      ['the passages do not speak of', 'Which moons does Jupiter have?', PASSAGES],
      ['there are no passages for', 'How do I stop the server gracefully?', []],
      ['asks nothing', 'Is it of the that?', PASSAGES],
      ['is made of marks', '??? !!!', PASSAGES],
    ])('says nothing to a question that %s', async (_what, question, passages) => {
      expect(await ask(question, passages)).toMatchObject({ text: '', cited: [] });
    });

    it('numbers what it cites in the order of the text, and cites nothing that it was not given', async () => {
      for (const question of [
        'How do I stop the server gracefully?',
        'server port',
        'Why do bananas ripen beside apples?',
      ]) {
        const { text, cited } = await ask(question);
        const mentioned = [...new Set([...text.matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n)))];
        expect(mentioned).toEqual(cited.map((_, i) => i + 1));
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

    it('says at which level it writes, and by which model', async () => {
      expect(await ask('How do I stop the server gracefully?')).toMatchObject({
        degraded_because: [],
        truncated: false,
        level: 'full',
        model: expect.any(String),
      });
      expect(llm.level).toBe('full');
    });

    it('gives the same question the same answer when nothing has changed', async () => {
      expect(await ask('How do I open a port?')).toEqual(await ask('How do I open a port?'));
    });

    it('gives the same text as it is written', async () => {
      const events = await read('How do I stop the server gracefully?');
      const { text, cited, usage } = await ask('How do I stop the server gracefully?');
      expect(events[0]).toMatchObject({ at: 'begin', level: 'full', degraded_because: [] });
      expect(textOf(events)).toBe(text);
      expect(events.at(-1)).toMatchObject({ at: 'end', cited, usage, truncated: false });
    });

    it('shows nothing of a text that cites nothing', async () => {
      expect(await read('Which moons does Jupiter have?')).toEqual([
        expect.objectContaining({ at: 'end', cited: [] }),
      ]);
    });
  });
}

function textOf(events: readonly Writing[]): string {
  return events.map((event) => (event.at === 'text' ? event.text : '')).join('');
}
