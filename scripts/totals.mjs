// What the last run of the tests with `--json`, and of the fault kit, came to. Run by itself it prints what was skipped, and as its last line
// `N passed, N failed`, which .ci/run ends with. It fails when a test failed, or when there was no run.
import { readFileSync } from 'node:fs';

const REPORT = 'coverage/tests.json';
export const CHAOS_REPORT = 'coverage/chaos.json';

/** A suite that could not even be loaded counts as one failure: none of its tests ran. */
export function totals() {
  try {
    const report = JSON.parse(readFileSync(REPORT, 'utf8'));
    const tests = report.testResults.flatMap((file) => file.assertionResults);
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
      skipped: tests.filter(({ status }) => status === 'pending' || status === 'todo'),
    };
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
}

/** The rows of the fault kit. A run that did not take place, or did not come to its end, counts as one failure. */
function chaosTotals() {
  try {
    const { passed, failed } = JSON.parse(readFileSync(CHAOS_REPORT, 'utf8'));
    return { passed, failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
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
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}
