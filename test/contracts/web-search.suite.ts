import type { WebSearch } from '../../src/platform/web-search/web-search.js';

/** Pages that the web of a contract holds, in the order in which they are found. */
export const PAGES = [
  {
    title: 'Lamps',
    url: 'https://lamps.example/oil',
    content: 'Colza oil burns with a bright flame.',
    score: 0.9,
  },
  { title: '', url: 'http://nameless.example/', content: 'A page without a title.', score: 0.8 },
  { title: 'Long', url: 'https://long.example/', content: 'word '.repeat(2_000), score: 0.7 },
  { title: 'Script', url: 'javascript:alert(1)', content: 'No page at all.', score: 0.6 },
  { title: 'Blank', url: 'https://blank.example/', content: ' ', score: 0.5 },
  { title: 'Last', url: 'https://last.example/', content: 'The last one.', score: 0.4 },
];

/** What every search of the web does, the guard around it included. Its web holds PAGES. */
export function webSearchContract(name: string, given: () => WebSearch): void {
  describe(`WebSearch: ${name}`, () => {
    let search: WebSearch;
    beforeAll(() => {
      search = given();
    });

    it('finds pages with a title, an address and a text, the best first', async () => {
      const pages = await search.find('What do lamps burn?', 10);
      expect(pages[0]).toEqual({
        title: 'Lamps',
        url: 'https://lamps.example/oil',
        text: 'Colza oil burns with a bright flame.',
      });
      for (const { title, url, text } of pages) {
        expect(title).not.toBe('');
        expect(url).toMatch(/^https?:\/\//);
        expect(text.trim()).not.toBe('');
        expect(text.length).toBeLessThanOrEqual(2_000);
      }
      expect(pages.map(({ title }) => title)).not.toContain('Script');
      expect(pages.at(-1)!.title).toBe('Last');
    });

    it('finds as many as are asked for, at most', async () => {
      expect(await search.find('lamps', 1)).toHaveLength(1);
    });

    it('takes a question of any length and any letters', async () => {
      for (const question of ['x', '👩‍👩‍👧'.repeat(500), 'a\ud800b', '"quoted" \\ \n'])
        await expect(search.find(question, 1)).resolves.toHaveLength(1);
    });

    it('passes its own check', async () => {
      await expect(search.check(AbortSignal.timeout(5_000))).resolves.toBeUndefined();
    });
  });
}
