import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Ground, prepare } from './ground.js';
import { mayBeTheMachine } from './judge.js';
import { besideNaive } from './naive.js';
import { type Options, readOptions } from './options.js';
import { type Row, rows } from './rows.js';
import { head, lineOf, naiveLine } from './scorecard.js';
import { selfCheck } from './self-check.js';
import { type Result, tryRow } from './trial.js';
import { policies, preloadOf } from './without.js';

// A machine that is shared can make anything slow for seconds. What a policy is there for shows in more than this.
const LENIENCY = 3;
const NAIVE_ROW = 'llm-primary/beside-naive';

/**
 * The servers that it starts end with this process, however that ends: each has a guard that sees to it.
 * @returns the exit code: 0 when every row is green
 */
export async function program(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  const chosen = rows.filter(
    ({ name, tier }) => (options.tier === 'full' || tier === 'short') && (options.only?.test(name) ?? true),
  );
  if (options.list) {
    for (const { name, tier } of chosen) say(`${name.padEnd(32)} ${tier}`);
    return 0;
  }
  const prepared = await prepare();
  const ground =
    options.without === undefined ? prepared : { ...prepared, preload: preloadOf(options.without) };
  try {
    return options.selfCheck ? await selfCheck(ground, say) : await run(chosen, ground, options);
  } finally {
    await ground.build.remove();
  }
}

/** Tries the rows one after the other, and prints each as it ends. */
async function run(chosen: readonly Row[], ground: Ground, options: Options): Promise<number> {
  if (options.without !== undefined) say(`Without ${options.without}: ${policies[options.without].what}\n`);
  const startedMs = performance.now();
  say(head());
  const results: Result[] = [];
  const untried: string[] = [];
  for (const row of chosen) {
    try {
      let result = await tryRow(row, ground);
      say(lineOf(result));
      if (options.again && mayBeTheMachine(result.breaches)) {
        say(
          `${row.name} is red for what a busy machine can do, so once more, with ${LENIENCY} times the time that the limits allow:`,
        );
        result = await tryRow(row, ground, LENIENCY);
        say(lineOf(result));
      }
      results.push(result);
    } catch (error) {
      untried.push(row.name);
      say(`${row.name} RED: ${String(error)}\n${String((error as Error).cause)}`);
    }
  }
  const naive = (options.only?.test(NAIVE_ROW) ?? true) ? await besideNaive(ground) : undefined;
  if (naive !== undefined) say(naiveLine(naive));
  const judged = [...results, ...(naive === undefined ? [] : [naive])];
  const passed = judged.filter(({ breaches }) => breaches.length === 0).length;
  const failed = judged.length + untried.length - passed;
  const tookS = Math.round((performance.now() - startedMs) / 1_000);
  const latenessMs = Math.round(Math.max(0, ...results.map(({ score }) => score.latenessMs)));
  say(
    `\n${tookS} s; the machine itself was up to ${latenessMs} ms late, which every limit of time allows for`,
  );
  if (options.json !== undefined) {
    const { tier, without, json } = options;
    await mkdir(dirname(json), { recursive: true });
    await writeFile(
      json,
      JSON.stringify({ tier, without, passed, failed, latenessMs, untried, results, naive }, null, 2),
    );
  }
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
