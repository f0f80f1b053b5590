import type { Embedder } from '../../src/platform/llm/embedder.js';

const QUESTION = 'How do I close the server gracefully?';
const RELATED = 'Closing servers: call close to shut the server down gracefully.';
const UNRELATED = 'Bananas ripen faster beside apples.';

/** What every embedder does, the guard around it included. */
export function embedderContract(name: string, given: () => Embedder): void {
  describe(`Embedder: ${name}`, () => {
    let embedder: Embedder;
    beforeAll(() => {
      embedder = given();
    });

    it('says what its vectors are', () => {
      expect(embedder.model).not.toBe('');
      expect(embedder.dimension).toBeGreaterThan(0);
      expect(typeof embedder.traits.semantic).toBe('boolean');
    });

    it('gives each text a vector of its dimension and of length 1, whatever is in the text', async () => {
      const texts = [
        QUESTION,
        'x',
        '',
        ' \n\t',
        '!!! ???',
        '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧',
        'שלום עולם',
        'the of and',
        '42',
        'a\u0000b',
        'word '.repeat(20_000),
      ];
      const vectors = await embedder.embed(texts);
      expect(vectors).toHaveLength(texts.length);
      for (const vector of vectors) {
        expect(vector).toHaveLength(embedder.dimension);
        expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      }
    });

    it('gives the same text the same vector, alone or in company', async () => {
      const [alone] = await embedder.embed([RELATED]);
      const [, beside] = await embedder.embed([UNRELATED, RELATED, QUESTION]);
      expect([...beside!]).toEqual([...alone!]);
    });

    it('keeps the order of the texts', async () => {
      const texts = Array.from({ length: 50 }, (_, i) => `text about subject${i}`);
      const together = await embedder.embed(texts);
      for (const [i, text] of texts.entries())
        expect([...together[i]!]).toEqual([...(await embedder.embed([text]))[0]!]);
    });

    it('gives nothing for nothing', async () => {
      expect(await embedder.embed([])).toEqual([]);
    });

    it('puts a question nearer to a text that speaks of it than to one that does not', async () => {
      const [question, related, unrelated] = await embedder.embed([QUESTION, RELATED, UNRELATED]);
      expect(likeness(question!, related!)).toBeGreaterThan(likeness(question!, unrelated!) + 0.1);
    });

    it('puts a text nearer the more of its words it shares', async () => {
      const [whole, most, few] = await embedder.embed([
        'the red lighthouse lamp burns colza oil',
        'the red lighthouse lamp burns whale fat',
        'the red carpet was rolled away quickly',
      ]);
      expect(likeness(whole!, most!)).toBeGreaterThan(likeness(whole!, few!));
    });

    it('passes its own check', async () => {
      await expect(embedder.check(AbortSignal.timeout(5_000))).resolves.toBeUndefined();
    });
  });
}

function likeness(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}
