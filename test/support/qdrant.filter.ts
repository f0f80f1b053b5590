import type { Schemas } from '@qdrant/js-client-rest';

type Json = unknown;
type Bounds = Record<'lt' | 'gt' | 'gte' | 'lte', string | number | null | undefined>;

/** A request that the server would refuse, with the status and the words that it refuses it with. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Whether a point passes a filter, by the rules of Qdrant's documentation ("Filtering"). */
export function passes(filter: Schemas['Filter'], id: Schemas['ExtendedPointId'], payload: Json): boolean {
  const holds = (condition: Schemas['Condition']) => check(condition, id, payload);
  const should = conditionsOf(filter.should);
  const atLeast = filter.min_should as Schemas['MinShould'] | null | undefined;
  return (
    conditionsOf(filter.must).every(holds) &&
    !conditionsOf(filter.must_not).some(holds) &&
    (should.length === 0 || should.some(holds)) &&
    (atLeast == null || atLeast.conditions.filter(holds).length >= atLeast.min_count)
  );
}

function conditionsOf(clause: Schemas['Filter']['must']): Schemas['Condition'][] {
  if (clause == null) return [];
  return Array.isArray(clause) ? clause : [clause];
}

function check(condition: Schemas['Condition'], id: Schemas['ExtendedPointId'], payload: Json): boolean {
  if ('has_id' in condition) return condition.has_id.includes(id);
  if ('nested' in condition) {
    const { key, filter } = condition.nested;
    // All the conditions must hold for one and the same element.
    return valuesAt(payload, `${key.replace(/\[\]$/, '')}[]`).some((element) => passes(filter, id, element));
  }
  if ('key' in condition) return checkField(condition, payload);
  if ('is_empty' in condition) return isEmpty(valuesAt(payload, condition.is_empty.key));
  if ('is_null' in condition) return valuesAt(payload, condition.is_null.key).some((value) => value === null);
  return passes(condition as Schemas['Filter'], id, payload);
}

function checkField(condition: Schemas['FieldCondition'], payload: Json): boolean {
  const values = valuesAt(payload, condition.key);
  if (condition.is_empty != null) return isEmpty(values) === condition.is_empty;
  if (condition.is_null != null) return values.some((value) => value === null) === condition.is_null;
  if (condition.values_count != null) {
    const bounds = condition.values_count as Bounds;
    return values.some((value) =>
      within(Array.isArray(value) ? value.length : value === null ? 0 : 1, bounds),
    );
  }
  const test =
    condition.match != null
      ? matcher(condition.match)
      : condition.range != null
        ? ranger(condition.range as Bounds)
        : undefined;
  if (test === undefined)
    throw new Refusal(400, `Format error in JSON body: no condition on ${condition.key}`);
  // Of a list, one member must pass. A list in a list is none that is looked into.
  return values.some((value) => (Array.isArray(value) ? value.some(test) : test(value)));
}

function isEmpty(values: readonly Json[]): boolean {
  return values.every((value) => value === null || (Array.isArray(value) && value.length === 0));
}

function matcher(match: Record<string, Json>): (value: Json) => boolean {
  if ('value' in match) {
    if (typeof match['value'] === 'number' && !Number.isInteger(match['value'])) {
      throw new Refusal(400, 'Format error in JSON body: a fraction is no value to match; use a range');
    }
    return (value) => value === match['value'];
  }
  if ('any' in match) {
    const any = variantsOf(match['any']);
    return (value) => any.has(value);
  }
  if ('except' in match) {
    const except = variantsOf(match['except']);
    return (value) => (typeof value === 'string' || Number.isInteger(value)) && !except.has(value);
  }
  // Without an index for full text: a part of the text.
  if ('text' in match) return (value) => typeof value === 'string' && value.includes(match['text'] as string);
  throw new Refusal(400, 'Format error in JSON body: data did not match any variant of untagged enum Match');
}

/** Texts, or whole numbers; never both. */
function variantsOf(variants: Json): Set<Json> {
  const list = variants as Json[];
  if (!list.every((v) => typeof v === 'string') && !list.every((v) => Number.isInteger(v))) {
    throw new Refusal(
      400,
      'Format error in JSON body: data did not match any variant of untagged enum AnyVariants',
    );
  }
  return new Set(list);
}

function ranger(bounds: Bounds): (value: Json) => boolean {
  const given = Object.values(bounds).filter((bound) => bound != null);
  if (given.every((bound) => typeof bound === 'number'))
    return (value) => typeof value === 'number' && within(value, bounds);
  if (!given.every((bound) => typeof bound === 'string' && !Number.isNaN(Date.parse(bound)))) {
    throw new Refusal(
      400,
      'Format error in JSON body: data did not match any variant of untagged enum RangeInterface',
    );
  }
  const instants = Object.fromEntries(
    Object.entries(bounds).map(([end, bound]) => [end, bound == null ? bound : Date.parse(bound as string)]),
  ) as Bounds;
  return (value) =>
    typeof value === 'string' && !Number.isNaN(Date.parse(value)) && within(Date.parse(value), instants);
}

function within(value: number, { lt, gt, gte, lte }: Bounds): boolean {
  return (
    (lt == null || value < Number(lt)) &&
    (gt == null || value > Number(gt)) &&
    (gte == null || value >= Number(gte)) &&
    (lte == null || value <= Number(lte))
  );
}

/** What stands at a path: `a.b`, `a[].b`, `a[0]`, `"odd key".b`. Nothing, when the path leads nowhere. */
export function valuesAt(payload: Json, path: string): Json[] {
  const steps = path.match(/"[^"]*"|\[\d*\]|[A-Za-z0-9_-]+|./gu) ?? [];
  let values: Json[] = [payload];
  for (const step of steps) {
    if (step === '.') continue;
    if (!/^("[^"]*"|\[\d*\]|[A-Za-z0-9_-]+)$/.test(step))
      throw new Refusal(400, `Wrong input: Invalid json path: ${path}`);
    values = values.flatMap((value) => childrenAt(value, step));
  }
  return values;
}

function childrenAt(value: Json, step: string): Json[] {
  if (step === '[]') return Array.isArray(value) ? value : [];
  if (step.startsWith('[')) {
    const index = Number(step.slice(1, -1));
    return Array.isArray(value) && index < value.length ? [value[index]] : [];
  }
  const key = step.startsWith('"') ? step.slice(1, -1) : step;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
    return [];
  return [(value as Record<string, Json>)[key]];
}
