// What the last run of the tests with `--json`, and of the fault kit, came to. Run by itself it prints what was skipped and
// what was red, and as its last line `N passed, N failed`, which .ci/run ends with. It fails when a test failed, or when
// there was no run.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const REPORT = 'coverage/tests.json';
export const CHAOS_REPORT = 'coverage/chaos.json';
const CAUSE_CHARACTERS_MAX = 500;

/** A suite that could not even be loaded counts as one failure: none of its tests ran. */
export function totals() {
  try {
    const report = JSON.parse(readFileSync(REPORT, 'utf8'));
    const tests = report.testResults.flatMap((file) => file.assertionResults);
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
      skipped: tests.filter(({ status }) => status === 'pending' || status === 'todo'),
      red: report.testResults
        .filter(({ status }) => status === 'failed')
        .map(({ name, message }) => `${relative('.', name)}: ${causeOf(message)}`),
    };
  } catch {
    return { passed: 0, failed: 1, skipped: [], red: [`${REPORT} cannot be read`] };
  }
}

/** The rows of the fault kit. A run that did not take place, or did not come to its end, counts as one failure. */
function chaosTotals() {
  try {
    const { passed, failed, untried, results, naive } = JSON.parse(readFileSync(CHAOS_REPORT, 'utf8'));
    const red = [...results, { row: { name: 'beside a naive stack' }, breaches: [], ...naive }]
      .filter(({ breaches }) => breaches.length > 0)
      .map(({ row, breaches }) => `${row.name}: ${breaches.map(({ seen }) => seen).join('; ')}`);
    return { passed, failed, red: [...red, ...untried.map((name) => `${name}: could not be tried`)] };
  } catch {
    return { passed: 0, failed: 1, red: [`${CHAOS_REPORT} cannot be read`] };
  }
}

/** As much of Jest's words as says what it was, where nothing but the end of the log has been kept. */
function causeOf(message) {
  return stripVTControlCharacters(message).replaceAll(/\s+/g, ' ').trim().slice(0, CAUSE_CHARACTERS_MAX);
}

if (import.meta.main) {
  const { skipped, ...tests } = totals();
  const rows = chaosTotals();
  const [passed, failed] = [tests.passed + rows.passed, tests.failed + rows.failed];
  console.log(
    `Tests: ${tests.passed} passed, ${tests.failed} failed. Fault kit: ${rows.passed} rows green, ${rows.failed} red.`,
  );
  for (const [suite, tests] of Map.groupBy(skipped, (test) => test.ancestorTitles[0] ?? test.title)) {
    console.log(`${tests.length} skipped: ${suite}`);
  }
  for (const what of [...tests.red, ...rows.red]) console.log(`Red: ${what}`);
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}
