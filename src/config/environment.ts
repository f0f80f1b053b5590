import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/** The environment of this process, and below it what the file `.env` in the current folder says. */
export function environment(): Record<string, string | undefined> {
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
  return { ...file, ...process.env };
}
