// Writes the files that are made of the code: .env.example, docs/errors.md, docs/runbooks.md and openapi.json. With --check it writes
// nothing and fails when one of them is not what the code says.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../dist/app.module.js';
import { VERSION } from '../dist/config/identity.js';
import { readSettings } from '../dist/config/settings.js';
import { envExample } from '../dist/docs/env-example.page.js';
import { errorsPage } from '../dist/docs/errors.page.js';
import { runbooksPage } from '../dist/docs/runbooks.page.js';
import { describeApi } from '../dist/http/openapi.js';
import { newServer } from '../dist/http/server.js';

const { values: options } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const files = {
  '.env.example': envExample(),
  'docs/errors.md': errorsPage(),
  'docs/runbooks.md': runbooksPage(),
  'openapi.json': `${JSON.stringify(await describe(), undefined, 2)}\n`,
};

const stale = Object.entries(files).filter(([file, text]) => read(file) !== text);
if (options.check) {
  for (const [file, text] of stale)
    console.error(`${file} is not what the code says: ${difference(file, text)}`);
  if (stale.length > 0) console.error('Run: npm run generate');
  else console.log(`Up to date: ${Object.keys(files).join(', ')}`);
} else {
  for (const [file, text] of stale) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`Wrote ${file}`);
  }
  if (stale.length === 0) console.log('Nothing has changed.');
}
// What the modules hold open was never used; ending at once spares closing it.
process.exit(options.check && stale.length > 0 ? 1 : 0);

/** The API as the service describes it. Nothing is opened for it: the modules are made, and not started. */
async function describe() {
  const settings = readSettings({});
  const app = await NestFactory.create(AppModule.with(settings), await newServer(settings), {
    logger: ['error'],
  });
  return describeApi(app, VERSION);
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function difference(file, text) {
  const [had, has] = [read(file)?.split('\n'), text.split('\n')];
  if (had === undefined) return 'it is missing';
  const at = has.findIndex((line, i) => line !== had[i]);
  return at === -1 ? `line ${has.length} and below` : `line ${at + 1} should be ${JSON.stringify(has[at])}`;
}
