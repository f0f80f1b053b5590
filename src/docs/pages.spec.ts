import { readFileSync } from 'node:fs';
import { envExample } from './env-example.page.js';
import { RUNBOOKS } from '../health/runbook.js';
import { errorsPage } from './errors.page.js';
import { runbooksPage } from './runbooks.page.js';

const committed = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

describe('the generated pages (npm run generate)', () => {
  it('docs/errors.md lists the codes as the code has them', () => {
    expect(committed('docs/errors.md')).toBe(errorsPage());
  });

  it('docs/runbooks.md has a section for each root cause, under the name that diagnostics give', () => {
    const page = committed('docs/runbooks.md');
    expect(page).toBe(runbooksPage());
    for (const cause of Object.keys(RUNBOOKS)) expect(page).toContain(`\n## ${cause}\n`);
  });

  it('.env.example lists the settings as the code has them', () => {
    expect(committed('.env.example')).toBe(envExample());
  });
});
