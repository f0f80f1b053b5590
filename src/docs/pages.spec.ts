import { readFileSync } from 'node:fs';
import { envExample } from './env-example.page.js';
import { errorsPage } from './errors.page.js';

const committed = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

describe('the generated pages (npm run generate)', () => {
  it('docs/errors.md lists the codes as the code has them', () => {
    expect(committed('docs/errors.md')).toBe(errorsPage());
  });

  it('.env.example lists the settings as the code has them', () => {
    expect(committed('.env.example')).toBe(envExample());
  });
});
