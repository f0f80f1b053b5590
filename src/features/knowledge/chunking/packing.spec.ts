import type { Block } from './block.js';
import { CHUNK_CHARS_MAX, CHUNK_CHARS_TARGET, pack, SECTION_CHARS_TINY } from './packing.js';

/** Blocks written one after another with a blank line between; "# A" is a heading of level 1. */
function packed(...texts: string[]) {
  const content = texts.join('\n\n');
  let start = 0;
  const blocks = texts.map((text): Block => {
    const end = start + text.length;
    const level = /^#+/.exec(text)?.[0].length;
    const block: Block =
      level === undefined
        ? { kind: 'text', start, end }
        : { kind: 'heading', level, start, end, title: { start: start + level, end } };
    start = end + 2;
    return block;
  });
  return pack(content, blocks, ({ title }) => content.slice(title.start, title.end).trim());
}
const words = (chars: number): string => 'word '.repeat(chars / 5).trim();
const texts = (...blocks: string[]): string[] => packed(...blocks).map((chunk) => chunk.text);

describe('pack', () => {
  it('makes nothing of nothing', () => {
    expect(packed()).toEqual([]);
    expect(packed('', '  ')).toEqual([]);
  });

  it('fills a chunk up to the target', () => {
    const paragraph = words(395);
    const [first, second] = texts(paragraph, paragraph, paragraph, paragraph);
    expect(first).toBe([paragraph, paragraph, paragraph].join('\n\n'));
    expect(first?.length).toBeLessThanOrEqual(CHUNK_CHARS_TARGET);
    expect(second).toBe(paragraph);
  });

  it('puts a heading with what follows it', () => {
    expect(texts('# A', words(500), '# B', words(500))).toEqual([
      `# A\n\n${words(500)}`,
      `# B\n\n${words(500)}`,
    ]);
  });

  it('says under which headings a chunk begins, its own among them', () => {
    const long = words(1000);
    const chunks = packed(long, '# A', long, '## B', long, long, '### C', long, '## D', long, '# E', long);
    expect(chunks.map((chunk) => chunk.headings.join('/'))).toEqual([
      '',
      'A',
      'A/B',
      'A/B',
      'A/B/C',
      'A/D',
      'E',
    ]);
  });

  it('puts a tiny section with the next one, under its own headings', () => {
    const chunks = packed('# A', 'tiny', '## B', words(500));
    expect(chunks).toMatchObject([{ headings: ['A'], text: `# A\n\ntiny\n\n## B\n\n${words(500)}` }]);
  });

  it('leaves a tiny section alone when the next one does not fit beside it', () => {
    expect(texts('# A', 'tiny', '# B', words(1195))).toEqual(['# A\n\ntiny', `# B\n\n${words(1195)}`]);
  });

  it('keeps sections apart that are not tiny', () => {
    expect(texts('# A', words(SECTION_CHARS_TINY + 5), '# B', 'b')).toHaveLength(2);
  });

  it('does not put the end of a long section with the next one', () => {
    const chunks = packed('# A', words(1100), words(1100), words(300), '# B', 'b');
    expect(chunks.at(-1)).toMatchObject({ headings: ['B'], text: '# B\n\nb' });
  });

  it('gives the last words of a section to the chunk before', () => {
    const chunks = packed('# A', words(1150), 'The end.', '# B', words(500));
    expect(chunks[0]?.text.endsWith('The end.')).toBe(true);
    expect(chunks[1]?.headings).toEqual(['B']);
  });

  it('keeps whole what fits the maximum', () => {
    expect(texts(words(300), words(1900), words(300))).toEqual([words(300), words(1900), words(300)]);
  });

  it('never leaves a heading alone above something, whatever is cut for it', () => {
    const [first, ...others] = texts('# A', words(CHUNK_CHARS_MAX));
    expect(first?.startsWith('# A\n\nword')).toBe(true);
    expect(others).toHaveLength(1);
    expect(texts('# A', '## B', '### C', words(1190))).toHaveLength(1);
    expect(texts('text', '# A', `${' '.repeat(1500)}${words(1000)}`)[1]).toMatch(/^# A\s+word/);
  });

  it('makes a chunk of headings with nothing below them', () => {
    expect(texts(words(500), '# A', '## B')).toEqual([words(500), '# A\n\n## B']);
  });

  it('reads a heading as long as a page as prose', () => {
    const chunks = packed(`# ${words(5000)}`, 'below');
    expect(chunks.at(-1)?.text.endsWith('word\n\nbelow')).toBe(true);
    for (const { text } of chunks) expect(text.length).toBeLessThanOrEqual(CHUNK_CHARS_MAX);
  });

  it('takes a list apart between its items, and only when it is long', () => {
    const item = `- ${words(500)}`;
    const content = Array.from({ length: 5 }, () => item).join('\n');
    const items = Array.from({ length: 5 }, (_, index) => index * (item.length + 1));
    const list = (length: number): Block => ({
      kind: 'list',
      start: 0,
      end: length * (item.length + 1) - 1,
      items,
    });
    const lengths = pack(content, [list(5)], () => '').map((chunk) => chunk.text.split('\n').length);
    expect(lengths).toEqual([2, 2, 1]);
  });

  it('asks for a title once, and not for one that no chunk is under', () => {
    const asked: number[] = [];
    const content = '# A\n\n# B\n\nb';
    const heading = (start: number): Block => ({
      kind: 'heading',
      level: 1,
      start,
      end: start + 3,
      title: { start, end: start + 3 },
    });
    pack(content, [heading(0), heading(5), { kind: 'text', start: 10, end: 11 }], ({ start }) => {
      asked.push(start);
      return '';
    });
    expect(asked).toEqual([0]);
  });
});
