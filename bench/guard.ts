import { Dependencies } from '#service/resilience/dependencies.js';
import { Deadline } from '#service/kernel/deadline.js';
import { readSettings } from '#service/config/settings.js';
import { fixed, median, table } from './support/figures.ts';

// What the layer itself costs: a call through a Dependency against the same call without it. `npm run bench:guard`
const CALLS = 20_000;
const ROUNDS = 15;

const dependency = new Dependencies(readSettings({})).register({
  name: 'bench',
  criticality: 'optional',
  adapter: 'none',
  traits: { durable: false, shared: false },
  classify: () => undefined,
  check: () => Promise.resolve(),
  timeoutMs: 30_000,
});
const work = () => Promise.resolve(1);

const variants: [string, () => Promise<unknown>][] = [
  ['bare', work],
  ['guarded', () => dependency.call('work', work)],
  ['guarded, idempotent', () => dependency.call('work', work, { idempotent: true })],
];

async function microseconds(call: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  for (let i = 0; i < CALLS; i += 1) await call();
  return ((performance.now() - startedMs) * 1_000) / CALLS;
}

const deadline = new Deadline(3_600_000);
const figures = new Map<string, number[]>();
for (let round = 0; round < ROUNDS; round += 1) {
  // In turn, so that all of them see the same weather.
  for (const [name, call] of variants)
    figures.set(name, [...(figures.get(name) ?? []), await microseconds(call)]);
  const within = await deadline.run(() => microseconds(() => dependency.call('work', work)));
  figures.set('guarded, under a deadline', [...(figures.get('guarded, under a deadline') ?? []), within]);
}
deadline.release();
const bare = median(figures.get('bare')!);
process.stdout.write(
  `${table(
    ['call', 'µs, median', 'µs above bare'],
    [...figures].map(([name, values]) => [name, fixed(median(values), 2), fixed(median(values) - bare, 2)]),
  )}\n`,
);
