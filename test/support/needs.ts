import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { postgresMissing } from './postgres.ts';
import { redisMissing } from './redis.ts';

/**
 * Declares a suite that needs something of this machine. Where that is missing it is reported by its name and the reason:
 * as skipped, and as failed where `CI` is set, because there it must have run.
 */
export function describeNeeding(missing: string | undefined, name: string, suite: () => void): void {
  if (missing === undefined) {
    describe(name, suite);
  } else if (process.env.CI !== undefined && process.env.CI !== '') {
    describe(name, () => {
      it(`must run in CI, and was NOT RUN: ${missing}`, () => {
        throw new Error(`Not run: ${missing}`);
      });
    });
  } else {
    describeNotRun(name, missing, suite);
  }
}

/** Skips a suite, and says so where whoever runs the tests sees it: Jest itself only counts. */
export function describeNotRun(name: string, reason: string, suite: () => void): void {
  process.stderr.write(`NOT RUN: ${name}: ${reason}\n`);
  describe.skip(`${name} (NOT RUN: ${reason})`, suite);
}

export const describeWithPostgres = (name: string, suite: () => void) =>
  describeNeeding(postgresMissing, name, suite);
export const describeWithRedis = (name: string, suite: () => void) =>
  describeNeeding(redisMissing, name, suite);

/** Why a program cannot be run here; undefined when it can: it is on PATH, or in one of the folders given. */
export function programMissing(program: string, ...folders: string[]): string | undefined {
  return programPath(program, ...folders) === undefined ? `${program} is not installed` : undefined;
}

export function programPath(program: string, ...folders: string[]): string | undefined {
  const known = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', ...folders];
  return known.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
