import { type Said, within } from './history.js';

const talk = (count: number, characters = 40): Said[] =>
  Array.from({ length: count }, (_, i) => ({
    id: String(i),
    role: i % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: `${i}`.padEnd(characters, '.'),
  }));

describe('within', () => {
  it('keeps all where all fits', () => {
    const { turns, beyond } = within(1_000, '', talk(6));
    expect(turns).toHaveLength(6);
    expect(beyond).toEqual([]);
  });

  it('keeps the newest that fit, from a question on, and names what does not fit', () => {
    // Ten tokens each: five of them fit, of which the oldest is an answer.
    const { turns, beyond } = within(50, '', talk(8));
    expect(turns.map(({ content }) => content[0])).toEqual(['4', '5', '6', '7']);
    expect(beyond.map(({ id }) => id)).toEqual(['0', '1', '2', '3']);
  });

  it('puts the summary first, and leaves it its room', () => {
    const { turns } = within(50, 'x'.repeat(80), talk(8));
    expect(turns[0]!.content).toContain('in short: xxx');
    expect(turns.slice(2).map(({ content }) => content[0])).toEqual(['6', '7']);
  });

  it('keeps nothing of what is longer than there is room', () => {
    expect(within(5, '', talk(2)).turns).toEqual([]);
  });
});
