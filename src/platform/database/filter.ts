/** A value that metadata can be compared with. */
export type Scalar = string | number | boolean;

/** From `gte` up to `lte`, both included: two numbers, or two dates of ISO 8601 (`instantOf`). */
export interface Range {
  gte?: string | number;
  lte?: string | number;
}

/**
 * A filter on metadata: all of its keys must match. A list of values matches any of them; where the metadata holds a list,
 * one of its members must match, for a range the same one at both ends. A text that is no date is in no range.
 */
export type Filter = Record<string, Scalar | readonly Scalar[] | Range>;

/**
 * The filter as an SQL condition on a jsonb expression. Keys and values are parameters, never part of the text.
 * @param parameters the statement's parameters so far; what the condition needs is appended
 */
export function filterSql(column: string, filter: Filter, parameters: unknown[]): string {
  const bind = (value: unknown) => `$${parameters.push(value)}`;
  const path = (key: string) => `${column} -> ${bind(key)}`;
  const conditions = Object.entries(filter).map(([key, wanted]) => {
    if (isRange(wanted)) {
      const range = comparable(wanted);
      return range === undefined ? 'false' : rangeSql(path(key), range, bind);
    }
    const values = Array.isArray(wanted) ? wanted : [wanted];
    return `(${path(key)}) @> any(${bind(values.map((v) => JSON.stringify(v)))}::jsonb[])`;
  });
  return conditions.length === 0 ? 'true' : conditions.join(' and ');
}

// A day, and perhaps a time, and perhaps its distance from UTC, which is where it is taken to be otherwise. PostgreSQL and
// JavaScript read the pattern alike, and both take the 31st of February for a day in March.
const INSTANT =
  '^([1-9][0-9]{3}-(?:0[1-9]|1[0-2]))-(0[1-9]|[12][0-9]|3[01])' +
  '(?:[T ]((?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?)(Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?)?$';

/**
 * The instant that a date of ISO 8601 names: `2024-05-06`, `2024-05-06T07:08:09.5Z`, `2024-05-06 07:08+02:00`.
 * @returns ms since 1970; undefined for a text that is no such date
 */
export function instantOf(text: string): number | undefined {
  const [, month, day, time = '00:00', zone = 'Z'] = new RegExp(INSTANT).exec(text) ?? [];
  if (month === undefined) return undefined;
  const [hours, minutes, seconds = '0'] = time.split(':');
  const [whole, fraction = ''] = seconds.split('.');
  const dayMs = Date.parse(`${month}-01T00:00:00Z`) + (Number(day) - 1) * 86_400_000;
  const timeMs = (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(whole) * 1_000;
  return dayMs + timeMs + Number(fraction.padEnd(3, '0').slice(0, 3)) - offsetMs(zone);
}

function offsetMs(zone: string): number {
  if (zone === 'Z') return 0;
  const [hours, minutes] = zone.slice(1).split(':');
  return (zone.startsWith('-') ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

const INSTANT_SQL = `floor(1000 * extract(epoch from
  ((part[1] || '-01')::date + (part[2]::int - 1) + coalesce(part[3], '00:00')::time - coalesce(nullif(part[4], 'Z'), '00:00')::interval)))`;

/** The range as numbers: as they are, or as instants. */
export interface ComparableRange {
  of: 'numbers' | 'instants';
  gte?: number;
  lte?: number;
}

/** @returns undefined for a range that nothing can lie in, because its ends are of two types or name no dates */
export function comparable(range: Range): ComparableRange | undefined {
  const ends = Object.entries(range).filter(([, bound]) => bound !== undefined) as [
    string,
    string | number,
  ][];
  const bounds = ends.map(
    ([end, bound]) => [end, typeof bound === 'string' ? instantOf(bound) : bound] as const,
  );
  if (new Set(ends.map(([, bound]) => typeof bound)).size !== 1) return undefined;
  if (bounds.some(([, bound]) => bound === undefined)) return undefined;
  return { of: typeof ends[0]![1] === 'number' ? 'numbers' : 'instants', ...Object.fromEntries(bounds) };
}

/** Whether a member of the value, or the value itself where it is no list, lies in the range. */
function rangeSql(
  value: string,
  { of, gte, lte }: ComparableRange,
  bind: (value: unknown) => string,
): string {
  const compared = [
    ...(gte === undefined ? [] : [`at >= ${bind(gte)}::numeric`]),
    ...(lte === undefined ? [] : [`at <= ${bind(lte)}::numeric`]),
  ].join(' and ');
  const members = `jsonb_array_elements(case jsonb_typeof(${value}) when 'array' then ${value} else jsonb_build_array(${value}) end) as m (member)`;
  // A cast of what is not of its form would fail, so each looks first: `case` is the one thing that keeps that order.
  const at =
    of === 'numbers'
      ? `(select case when jsonb_typeof(member) = 'number' then member::numeric end as at) a`
      : `(select case when jsonb_typeof(member) = 'string' then regexp_match(member #>> '{}', '${INSTANT}') end as part) p,
         lateral (select case when part is not null then ${INSTANT_SQL} end as at) a`;
  return `exists (select from ${members}, lateral ${at} where ${compared})`;
}

export function isRange(wanted: Filter[string]): wanted is Range {
  return typeof wanted === 'object' && !Array.isArray(wanted);
}
