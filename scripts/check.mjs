// The gate: `npm run check`. Each step is an npm script that can be run alone. It stops at the first that fails.
//   --skip a,b     leaves steps out
//   --keep-going   runs the others although one failed
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CHAOS_REPORT, totals } from './totals.mjs';

const STEPS = [
  ['format:check', 'every file is formatted'],
  ['lint', 'no lint warning'],
  ['typecheck', 'the types hold'],
  ['boundaries', 'no folder imports what it must not know'],
  ['dead-code', 'no file, export or package is unused'],
  ['build', 'the service builds'],
  ['generate:check', 'the generated files are what the code says'],
  ['bench:questions', 'the questions of the benchmark fit the installed manuals'],
  ['boot', 'the built service starts on an empty environment and stops when told'],
  ['test:coverage', 'all tests pass, and take the branches that they must'],
  ['coverage', 'how far each folder is covered'],
  ['container', 'the image is built, runs as nobody, and drains when it is told to stop'],
  ['chaos', 'what the service depends on is broken in turn, and no row is red'],
];

/** What a step is run with beyond its name. */
const MORE = { chaos: ['--', '--again', '--json', CHAOS_REPORT] };

const { values: options } = parseArgs({
  options: {
    skip: { type: 'string', default: '' },
    'keep-going': { type: 'boolean', default: false },
  },
});
const skip = options.skip.split(',').filter((name) => name !== '');
const unknown = skip.filter((name) => !STEPS.some(([step]) => step === name));
if (unknown.length > 0) {
  console.error(
    `There is no step ${unknown.join(', ')}. There are ${STEPS.map(([step]) => step).join(', ')}.`,
  );
  process.exit(2);
}

const results = [];
for (const [step, promise] of STEPS) {
  if (skip.includes(step)) continue;
  console.log(`\n── ${step}: ${promise}`);
  // Or a run that does not even start would be counted by the one before it.
  if (step === 'test:coverage') rmSync('coverage', { recursive: true, force: true });
  const startedMs = performance.now();
  const { status } = spawnSync('npm', ['run', '--silent', step, ...(MORE[step] ?? [])], {
    stdio: 'inherit',
    // What takes so long hangs, and is to be red and not for ever.
    timeout: 1_500_000,
    killSignal: 'SIGKILL',
  });
  const result = { step, ok: status === 0, seconds: ((performance.now() - startedMs) / 1_000).toFixed(1) };
  results.push(result);
  console.log(`── ${step}: ${result.ok ? 'ok' : 'FAILED'} after ${result.seconds} s`);
  if (!result.ok && !options['keep-going']) break;
}

console.log('\nThe gate:');
for (const [step] of STEPS) {
  const result = results.find((r) => r.step === step);
  const verdict = result === undefined ? 'not run' : result.ok ? 'ok' : 'FAILED';
  console.log(
    `  ${step.padEnd(18)}${verdict.padEnd(9)}${result === undefined ? '' : `${result.seconds.padStart(6)} s`}`,
  );
}
if (results.some(({ step }) => step === 'test:coverage')) {
  const { passed, failed, skipped } = totals();
  console.log(`Tests: ${passed} passed, ${failed} failed, ${skipped.length} skipped.`);
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
