/** A value that metadata can be compared with. */
export type Scalar = string | number | boolean;

/** From `gte` up to `lte`, both included: numbers, or texts such as ISO 8601 dates. */
export interface Range {
  gte?: string | number;
  lte?: string | number;
}

/**
 * A filter on metadata: all of its keys must match. A list of values matches any of them; where the metadata holds a list,
 * one of its members must match.
 */
export type Filter = Record<string, Scalar | readonly Scalar[] | Range>;

/**
 * The filter as an SQL condition on a jsonb expression. Keys and values are parameters, never part of the text.
 * @param parameters the statement's parameters so far; what the condition needs is appended
 */
export function filterSql(column: string, filter: Filter, parameters: unknown[]): string {
  const bind = (value: unknown) => `$${parameters.push(value)}`;
  const conditions = Object.entries(filter).flatMap(([key, wanted]) => {
    const value = `${column} -> ${bind(key)}`;
    if (isRange(wanted)) return rangeSql(value, wanted, bind);
    const values = Array.isArray(wanted) ? wanted : [wanted];
    return [`(${value}) @> any(${bind(values.map((v) => JSON.stringify(v)))}::jsonb[])`];
  });
  return conditions.length === 0 ? 'true' : conditions.join(' and ');
}

function rangeSql(value: string, { gte, lte }: Range, bind: (value: unknown) => string): string[] {
  const compare = (operator: string, bound: string | number) =>
    typeof bound === 'number'
      ? `case when jsonb_typeof(${value}) = 'number' then (${value})::numeric ${operator} ${bind(bound)}::numeric else false end`
      : `case when jsonb_typeof(${value}) = 'string' then (${value} #>> '{}') collate "C" ${operator} ${bind(bound)} else false end`;
  return [
    ...(gte === undefined ? [] : [compare('>=', gte)]),
    ...(lte === undefined ? [] : [compare('<=', lte)]),
  ];
}

function isRange(wanted: Filter[string]): wanted is Range {
  return typeof wanted === 'object' && !Array.isArray(wanted);
}
