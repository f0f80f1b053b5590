import { filterSql, type Filter } from './filter.js';

// What the conditions match is shown where a database is: test/contracts/vector-store.suite.ts. Here is how they are made.

describe('filterSql', () => {
  const sql = (filter: Filter, before: unknown[] = []) => {
    const parameters = [...before];
    return { text: filterSql('metadata', filter, parameters), parameters };
  };

  it('is true for no keys', () => {
    expect(sql({})).toEqual({ text: 'true', parameters: [] });
  });

  it('asks for one of the values, each as JSON', () => {
    expect(sql({ kind: 'guide' })).toEqual({
      text: '(metadata -> $1) @> any($2::jsonb[])',
      parameters: ['kind', ['"guide"']],
    });
    expect(sql({ kind: ['guide', 5, true] }).parameters).toEqual(['kind', ['"guide"', '5', 'true']]);
  });

  it('compares numbers as numbers and dates by their instants, and nothing across types', () => {
    const numbers = sql({ year: { gte: 2_000, lte: 2_010 } });
    expect(numbers.text).toMatch(
      /case when jsonb_typeof\(member\) = 'number' then member::numeric end as at/,
    );
    expect(numbers.text).toMatch(/at >= \$2::numeric and at <= \$3::numeric\)$/);
    expect(numbers.parameters).toEqual(['year', 2_000, 2_010]);
    expect(sql({ at: { lte: '2024-05-06T02:00+02:00' } }).parameters).toEqual(['at', Date.UTC(2024, 4, 6)]);
    for (const nothing of [{ gte: 2_000, lte: '2024-05-06' }, { gte: 'soon' }, {}])
      expect(sql({ at: nothing })).toEqual({ text: 'false', parameters: [] });
  });

  it('joins all keys, and goes on with the numbers of the statement that it becomes a part of', () => {
    const { text, parameters } = sql({ a: 1, b: { gte: 2 }, c: [] }, ['vector', 'tenant']);
    expect(
      text
        .match(/\$\d+/g)!
        .map((n) => Number(n.slice(1)))
        .toSorted((x, y) => x - y),
    ).toEqual([3, 4, 5, 5, 5, 6, 7, 8]);
    expect(text.split(' and ')).toHaveLength(3);
    expect(parameters).toEqual(['vector', 'tenant', 'a', ['1'], 'b', 2, 'c', []]);
  });

  it('lets no key and no value into the text', () => {
    const hostile = `x' or 1=1; drop table documents; --"$1{}`;
    const { text, parameters } = sql({ [hostile]: hostile, [`${hostile}2`]: { gte: hostile, lte: hostile } });
    expect(text).not.toMatch(/drop|or 1/);
    expect(JSON.stringify(parameters)).toContain('drop table');
  });
});
