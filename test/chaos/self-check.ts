import type { Ground } from './ground.js';
import { rows } from './rows.js';
import { head, lineOf } from './scorecard.js';
import { type Result, tryRow } from './trial.js';
import { policies, type PolicyName, preloadOf } from './without.js';

/**
 * Takes each policy out in turn and tries the rows that should notice, beside the same rows with it: it counts as noticed
 * when a limit is missed that holds with the policy. @returns the exit code: 0 when each was noticed
 */
export async function selfCheck(ground: Ground, say: (line: string) => void): Promise<number> {
  say(`With every policy\n${head()}`);
  const whole = new Map<string, Result>();
  const watching = new Set<string>(Object.values(policies).flatMap((policy) => policy.rows));
  for (const row of rows.filter(({ name }) => watching.has(name))) {
    const result = await tryRow(row, ground);
    whole.set(row.name, result);
    say(lineOf(result));
  }
  const unnoticed: string[] = [];
  for (const [name, policy] of Object.entries(policies)) {
    say(`\nWithout ${name}: ${policy.what}`);
    const by: string[] = [];
    for (const { row, breaches: usual } of policy.rows.map((watcher) => whole.get(watcher)!)) {
      const result = await tryRow(row, { ...ground, preload: preloadOf(name as PolicyName) });
      say(lineOf(result));
      const missed = result.breaches.filter(({ limit }) => !usual.some((breach) => breach.limit === limit));
      if (missed.length > 0) by.push(`${row.name} (${missed.map(({ limit }) => limit).join(', ')})`);
    }
    say(by.length > 0 ? `noticed by ${by.join('; ')}` : 'NOT NOTICED');
    if (by.length === 0) unnoticed.push(name);
  }
  const total = Object.keys(policies).length;
  say(`\n${total - unnoticed.length} passed, ${unnoticed.length} failed`);
  return unnoticed.length === 0 ? 0 : 1;
}
