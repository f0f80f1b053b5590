import { parseArgs } from 'node:util';
import { policies, type PolicyName } from './without.js';
import type { Tier } from './rows.js';

export interface Options {
  only: RegExp | undefined;
  tier: Tier;
  json: string | undefined;
  without: PolicyName | undefined;
  selfCheck: boolean;
  /** Rows that were red for a time alone are tried once more: the second try counts. */
  again: boolean;
  list: boolean;
}

/** @throws Error in words that name what can be given */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      tier: { type: 'string', default: 'short' },
      json: { type: 'string' },
      without: { type: 'string' },
      'self-check': { type: 'boolean', default: false },
      again: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const { tier, without } = values;
  if (tier !== 'short' && tier !== 'full') throw new Error(`--tier is short or full, not ${tier}`);
  if (without !== undefined && !(without in policies))
    throw new Error(`--without takes one of ${Object.keys(policies).join(', ')}, not ${without}`);
  return {
    only: values.only === undefined ? undefined : new RegExp(values.only),
    tier,
    json: values.json,
    without: without as PolicyName | undefined,
    selfCheck: values['self-check'],
    again: values.again,
    list: values.list,
  };
}
