import { z } from 'zod';
import { integer, lower, oneOf, setting } from './setting.js';

/** How sick dependencies are noticed and spared. */
export const resilienceSettings = {
  HEALTH_INTERVAL_MS: setting(integer(100, 600_000), '5000', {
    group: 'Resilience',
    unit: 'ms',
    description:
      'How often each dependency is checked in the background; a critical one every two seconds, if that is more often.',
  }),
  READINESS_MODE: setting(z.preprocess(lower, oneOf(['strict', 'fail_open'])), 'strict', {
    group: 'Resilience',
    description:
      'What readiness says while a critical dependency is down: strict takes this process out (503); fail_open says degraded (200), for where all replicas would go at once and something is better than nothing.',
  }),
  CIRCUIT_CONSECUTIVE_FAULTS: setting(integer(1, 1_000), '5', {
    group: 'Resilience',
    unit: 'faults',
    description: 'So many faults in a row open the circuit of a dependency.',
  }),
  CIRCUIT_WINDOW_CALLS: setting(integer(2, 10_000), '20', {
    group: 'Resilience',
    unit: 'calls',
    description: 'Half of the last so many calls failing opens the circuit as well.',
  }),
  CIRCUIT_BACKOFF_MIN_MS: setting(integer(10, 600_000), '1000', {
    group: 'Resilience',
    unit: 'ms',
    description: 'How long an open circuit first waits before it is probed.',
  }),
  CIRCUIT_BACKOFF_MAX_MS: setting(integer(10, 3_600_000), '60000', {
    group: 'Resilience',
    unit: 'ms',
    description: 'The longest wait between two probes of a dependency that stays sick.',
  }),
  RETRY_BUDGET_PERCENT: setting(integer(0, 100), '20', {
    group: 'Resilience',
    unit: '%',
    description: 'Retries may be this share of the calls to a dependency; 0 allows the floor alone.',
  }),
  RETRY_BUDGET_FLOOR: setting(integer(0, 1_000), '3', {
    group: 'Resilience',
    unit: 'retries in 10 s',
    description: 'So many retries are allowed even where there are few calls.',
  }),
  OVERLOAD_QUEUE_MS: setting(integer(0, 60_000), '1000', {
    group: 'Resilience',
    unit: 'ms',
    description:
      'When more requests are under way than get done in this time, the least important are refused (503, Retry-After) until there are fewer; 0 refuses none.',
  }),
};
