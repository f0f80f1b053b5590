import type { DependencyState } from '../resilience/condition.js';
import type { DiagnosticsReport } from './diagnostics.js';
import type { Verdict } from './verdict.js';

const OF_STATE: Record<DependencyState, 'pass' | 'warn' | 'fail'> = {
  up: 'pass',
  degraded: 'warn',
  down: 'fail',
};
const OF_VERDICT: Record<Verdict, 'pass' | 'warn' | 'fail'> = {
  ready: 'pass',
  degraded: 'warn',
  not_ready: 'fail',
  shutting_down: 'fail',
};

/** Diagnostics in the shape of `application/health+json` (draft-inadarei-api-health-check-06), for whoever reads that. */
export function healthJson(report: DiagnosticsReport) {
  return {
    status: OF_VERDICT[report.status],
    version: report.version.split('.')[0],
    releaseId: report.version,
    serviceId: report.service,
    ...(report.root_cause !== null && {
      output: `${report.root_cause.dependency}: ${report.root_cause.cause}. ${report.root_cause.fix}`,
    }),
    checks: {
      ...Object.fromEntries(
        Object.entries(report.dependencies).map(([name, dependency]) => [
          `${name}:status`,
          [
            {
              componentType:
                name.startsWith('database') || name === 'vector_store' ? 'datastore' : 'component',
              status: OF_STATE[dependency.status],
              time: dependency.last_check,
              ...(dependency.reason !== null && { output: dependency.reason }),
            },
          ],
        ]),
      ),
      uptime: [
        { componentType: 'system', observedValue: report.uptime_s, observedUnit: 's', status: 'pass' },
      ],
    },
  };
}
