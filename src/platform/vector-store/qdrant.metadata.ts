import type { Schemas } from '@qdrant/js-client-rest';
import { derivedId } from '../../kernel/ids.js';
import { comparable, instantOf, type Filter, type Range, type Scalar } from '../database/filter.js';

// Qdrant's own conditions on the metadata as it is would not do: its paths cannot name every key, it matches no fractions and
// no values of two types at once, and an index is made for one key. So each point carries its metadata once more in a form
// that the filters of the port can be put to exactly, and which one index serves for every key.

/** The field that holds it. It is of no interest to anybody else, and is not sent back. */
export const INDEXED = 'indexed';
/** Where the tokens stand: what an index is made of. */
export const TOKENS = `${INDEXED}.tokens`;

export interface IndexedMetadata {
  /** One for each value of each key, lists included. */
  tokens: string[];
  /** The numbers of each key, under its encoded name. */
  numbers: Record<string, number[]>;
  /** The instants that the texts of each key name, in ms since 1970. */
  instants: Record<string, number[]>;
}

export function indexed(metadata: Record<string, unknown>): IndexedMetadata {
  const found: IndexedMetadata = { tokens: [], numbers: {}, instants: {} };
  for (const [key, value] of Object.entries(metadata)) {
    const values = (Array.isArray(value) ? value : [value]) as unknown[];
    found.tokens.push(...values.filter(isScalar).map((scalar) => token(key, scalar)));
    const numbers = values.filter((v) => typeof v === 'number');
    if (numbers.length > 0) found.numbers[encoded(key)] = numbers;
    const instants = values.map((v) => (typeof v === 'string' ? instantOf(v) : undefined));
    const known = instants.filter((at) => at !== undefined);
    if (known.length > 0) found.instants[encoded(key)] = known;
  }
  return found;
}

/** The filter as conditions on that field; undefined when nothing can match it. */
export function conditions(filter: Filter): Schemas['FieldCondition'][] | undefined {
  const made: Schemas['FieldCondition'][] = [];
  for (const [key, wanted] of Object.entries(filter)) {
    const condition =
      typeof wanted === 'object' && !Array.isArray(wanted)
        ? inRange(key, wanted as Range)
        : anyOf(key, (Array.isArray(wanted) ? wanted : [wanted]) as Scalar[]);
    if (condition === undefined) return undefined;
    made.push(condition);
  }
  return made;
}

function anyOf(key: string, values: readonly Scalar[]): Schemas['FieldCondition'] | undefined {
  if (values.length === 0) return undefined;
  return { key: TOKENS, match: { any: values.map((value) => token(key, value)) } };
}

function inRange(key: string, range: Range): Schemas['FieldCondition'] | undefined {
  const wanted = comparable(range);
  if (wanted === undefined) return undefined;
  const { of, ...bounds } = wanted;
  return { key: `${INDEXED}.${of}.${encoded(key)}`, range: bounds };
}

/** The same for the same key and the same value of the same type: 5 is not "5". */
function token(key: string, value: Scalar): string {
  return derivedId('metadata', key, JSON.stringify(value));
}

/** Every key as a name that a path can hold. */
function encoded(key: string): string {
  return `k${Buffer.from(key, 'utf8').toString('hex')}`;
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
