import { describeNotRun } from './postgres.js';
import { redisMissing } from './redis.js';

/**
 * Declares a suite that needs a Redis server. Where none is installed it is reported by its name and the reason: as
 * skipped, and as failed where `CI` is set, because there it must have run.
 */
export function describeWithRedis(name: string, suite: () => void): void {
  if (redisMissing === undefined) {
    describe(name, suite);
  } else if (process.env.CI !== undefined && process.env.CI !== '') {
    describe(name, () => {
      it(`must run in CI, and was NOT RUN: ${redisMissing}`, () => {
        throw new Error(`No Redis: ${redisMissing}`);
      });
    });
  } else {
    describeNotRun(name, redisMissing, suite);
  }
}
