import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import type { FaultProxy } from '../support/fault-proxy.js';
import { Client } from './client.js';
import type { Ground } from './ground.js';
import { type Breakage, faults, hitsOf } from './faults.js';
import { type Breach, breachesOf } from './judge.js';
import { Ledger } from './ledger.js';
import type { Row } from './rows.js';
import { type Count, type Score, scoreOf } from './score.js';
import { Leaks } from './secrets.js';
import { Service } from './service.js';
import { Traffic } from './traffic.js';
import { Watch } from './watch.js';

const BEFORE_MS = 1_500;
const WARM_MS = 1_000;
// The fault is over: how long the service has to be as it was, and how long it is watched at least.
const AFTER_MAX_MS = 6_000;
const AFTER_MIN_MS = 1_500;
const COUNT_EVERY_MS = 50;

export interface Result {
  row: Row;
  score: Score;
  breaches: Breach[];
}

/**
 * Runs one row: a service of its own, traffic, the fault in the middle of it, and the books when it is over.
 * @param leniency as for `breachesOf`
 */
export async function tryRow(
  row: Row,
  { stack, build, facts, preload }: Ground,
  leniency = 1,
): Promise<Result> {
  const target = stack.targets[row.target];
  const breakage: Breakage = faults[row.fault];
  const leaks = new Leaks();
  const service = await Service.start(
    build,
    { ...stack.env, ...row.env, DATA_DIR: join(build.folder, 'data') },
    { preload, leaks },
  );
  const client = new Client(service.url, (text) => leaks.look('a reply', text));
  const watching = new Client(service.url);
  const ledger = new Ledger(
    client,
    ['a', 'b'].map((side) => `${row.name}-${Date.now()}-${side}`.replaceAll('/', '-')),
  );
  const watch = new Watch(watching, target.shownAs);
  const counts: Count[] = [];
  const sum = (of: (line: FaultProxy) => number) => target.lines.reduce((n, line) => n + of(line), 0);
  const count = () =>
    counts.push({
      atMs: performance.now(),
      calls: sum((line) => line.counts.calls),
      connections: sum((line) => line.counts.connections),
      asking: sum((line) => line.asking),
    });
  const counting = setInterval(count, COUNT_EVERY_MS);
  const warming = new Traffic(client, facts, ledger, row.ops, row.perSecond);
  const traffic = new Traffic(client, facts, ledger, row.ops, row.perSecond);
  let broken = false;
  try {
    warming.start();
    await wait(WARM_MS);
    await warming.stop();
    await watch.start();
    traffic.start();
    await wait(BEFORE_MS);
    const beganMs = performance.now();
    const hitsBefore = hitsOf(breakage, target);
    broken = true;
    await breakage.begin(target);
    await wait(row.forMs - (performance.now() - beganMs));
    await leaks.ask(watching);
    const healingMs = performance.now();
    const hits = hitsOf(breakage, target) - hitsBefore;
    await breakage.heal(target);
    broken = false;
    const healedMs = performance.now();
    const seen = () => ({
      target,
      warming: warming.samples,
      samples: traffic.samples,
      turns: watch.turns,
      counts,
      log: service.log,
      balance: EMPTY,
      leaks: [...leaks.found],
      hits,
      latenessMs: watch.latenessMs,
      beganMs,
      healingMs,
      healedMs,
    });
    for (;;) {
      await wait(AFTER_MIN_MS / 3);
      const elapsedMs = performance.now() - healedMs;
      if (elapsedMs >= leniency * AFTER_MAX_MS) break;
      const awaited = row.limits.recoverMs !== undefined && scoreOf(seen()).recoverMs === null;
      if (elapsedMs >= AFTER_MIN_MS && !awaited) break;
    }
    await traffic.stop();
    watch.stop();
    const log = [...service.log];
    const balance = await ledger.balance();
    await leaks.ask(watching);
    const score = scoreOf({ ...seen(), log, balance });
    return { row, score, breaches: breachesOf(score, row.limits, leniency) };
  } catch (error) {
    throw new Error(`${row.name} could not be tried. The service said:\n${service.output}`, { cause: error });
  } finally {
    watch.stop();
    clearInterval(counting);
    if (broken) await breakage.heal(target);
    await traffic.stop();
    await service.stop();
    client.close();
    watching.close();
  }
}

const EMPTY = { written: 0, acknowledged: 0, replayed: 0, lost: 0, doubled: 0, repeated: 0, stuck: 0 };
