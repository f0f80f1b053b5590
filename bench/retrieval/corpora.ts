import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Markdown manuals one installed package ships. */
export interface Corpus {
  package: string;
  /** Relative to node_modules/<package>, with forward slashes, sorted by code unit. */
  files: string[];
}

export interface Manual {
  /** `<package>/<path>`, as the questions name their document. */
  id: string;
  title: string;
  text: string;
}

// Dependencies of package.json and what they always pull in, all at the top level of node_modules. Packages whose
// readme repeats another's (@nestjs/*), or mostly lists contributors (fast-check), would only add noise.
const packages = {
  web: 'fastify @fastify/ajv-compiler @fastify/busboy @fastify/cors @fastify/error @fastify/fast-json-stringify-compiler @fastify/middie @fastify/multipart @fastify/send @fastify/static avvio cookie fast-json-stringify fast-querystring fast-uri fastify-plugin find-my-way http-errors light-my-request mime path-to-regexp secure-json-parse set-cookie-parser',
  logs: 'pino @pinojs/redact debug dedent nestjs-pino pino-http pino-pretty pino-std-serializers process-warning safe-stable-stringify sonic-boom',
  resilience: '@nestjs/terminus cockatiel fastq lru-cache piscina rfdc toad-cache',
  data: '@electric-sql/pglite @electric-sql/pglite-socket cron-parser dayjs pg pg-boss pg-pool rrule-temporal typeorm',
  schemas:
    'ajv ajv-formats js-yaml json-schema-ref-resolver json5 jsonc-parser reflect-metadata smol-toml zod',
  text: 'file-type iconv-lite magic-string minisearch parse5 source-map stemmer strtok3 tinyld',
  commands: 'cli-progress commander dotenv dotenv-expand prompts semver yargs-parser',
  files: 'chokidar glob ignore minimatch minipass path-scurry picomatch readdirp',
  tools:
    '@sinonjs/fake-timers dependency-cruiser es-toolkit get-tsconfig jest-diff jest-each jest-worker knip oxlint-tsgolint pretty-format pure-rand tapable tsconfig-paths',
};

// Piscina's readme repeats its own docs folder; the same passage twice would make every question about it ambiguous.
const onlyFolder: Partial<Record<string, string>> = { piscina: 'docs' };

const notManuals =
  /^(authors|change|charter|code_of_conduct|contribut|governance|history|licen[cs]e|project_charter|release-notes|security|sponsor|third-party)/i;

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url));

export function corpora(): Corpus[] {
  return Object.values(packages)
    .flatMap((names) => names.split(' '))
    .toSorted()
    .map((name) => ({ package: name, files: manualsOf(name) }));
}

export function* readCorpus(): Generator<Manual> {
  for (const { package: name, files } of corpora()) {
    for (const file of files) {
      yield {
        id: `${name}/${file}`,
        title: titleOf(name, file),
        text: readFileSync(join(modules, name, file), 'utf8'),
      };
    }
  }
}

function manualsOf(name: string): string[] {
  if (!existsSync(join(modules, name))) {
    throw new Error(`The corpus needs the package ${name} in node_modules: run npm install.`);
  }
  const files = walk(name, onlyFolder[name] ?? '').toSorted();
  if (files.length === 0) throw new Error(`The package ${name} ships no Markdown manual any more.`);
  return files;
}

function walk(name: string, folder: string): string[] {
  return readdirSync(join(modules, name, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return isManualFolder(entry.name) ? walk(name, path) : [];
    return /\.md$/i.test(entry.name) && !notManuals.test(entry.name) ? [path] : [];
  });
}

// Hidden folders hold their authors' tooling, and a nested node_modules may move at the next install.
function isManualFolder(folder: string): boolean {
  return !folder.startsWith('.') && !['node_modules', 'test', 'tests'].includes(folder);
}

/** By the file's name, for half of the first headings are "Contents" or "Install". */
function titleOf(name: string, file: string): string {
  if (/^readme\.md$/i.test(file)) return name;
  return `${name}: ${basename(file, '.md').replaceAll('-', ' ')}`;
}
