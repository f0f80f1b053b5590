import { readFileSync } from 'node:fs';

// Beside src/ in the sources and beside dist/ when built.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** What this service is called, in health answers, logs and the API page. */
export const SERVICE = 'mainstay';
export const VERSION = manifest.version;
