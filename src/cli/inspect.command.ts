import type { Command } from 'commander';
import { readSettings } from '../config/settings.js';
import { endings, findFiles } from './folder.js';
import type { Inspected } from './inspect.js';
import { excludeOption, includeOption, type JsonOption, newCommand } from './options.js';
import { bold, type Shell } from './shell.js';

interface Options extends JsonOption {
  include: string[];
  exclude: string[];
}

export function inspectCommand(shell: Shell): Command {
  return newCommand(
    'inspect',
    'show what ingest would take of a folder; it needs no service and changes nothing',
    ['inspect docs', "inspect docs --include '*.md' --exclude drafts --json"],
  )
    .argument('<folder>', 'where the documents are')
    .addOption(includeOption())
    .addOption(excludeOption())
    .action((folder: string, options: Options) => inspect(shell, folder, options));
}

async function inspect(shell: Shell, folder: string, options: Options): Promise<void> {
  const { files, leftOut } = await findFiles(folder, options);
  const { DOCUMENT_BYTES_MAX: bytesMax } = readSettings({
    DOCUMENT_BYTES_MAX: shell.env['DOCUMENT_BYTES_MAX'],
  });
  // What reads languages and Markdown takes a while to load: not for a folder that is not there.
  const { inspectFiles } = await import('./inspect.js');
  const inspected = await inspectFiles(files, bytesMax, shell.signal);
  const problems = inspected.filter((i) => i.problem !== null);
  if (options.json === true) shell.out(JSON.stringify(toJson(folder, inspected, leftOut)));
  else print(shell, folder, inspected, leftOut);
  // As ingest would end.
  if (problems.length > 0) shell.exitCode = 1;
}

function toJson(folder: string, inspected: readonly Inspected[], leftOut: ReadonlyMap<string, number>) {
  const fine = inspected.filter((i) => i.problem === null);
  return {
    folder,
    files: inspected.length,
    would_be_taken: fine.length,
    bytes: sum(fine.map((i) => i.bytes)),
    chunks: sum(fine.map((i) => i.chunks ?? 0)),
    content_types: Object.fromEntries(tally(fine.map((i) => i.content_type ?? ''))),
    languages: Object.fromEntries(tally(fine.map((i) => i.language ?? ''))),
    left_out: Object.fromEntries(leftOut),
    documents: inspected,
  };
}

function print(
  shell: Shell,
  folder: string,
  inspected: readonly Inspected[],
  leftOut: ReadonlyMap<string, number>,
): void {
  const fine = inspected.filter((i) => i.problem === null);
  const problems = inspected.filter((i) => i.problem !== null);
  const largest = fine.toSorted((a, b) => b.bytes - a.bytes)[0];
  const line = (name: string, value: string) => shell.out(`  ${name.padEnd(10)} ${value}`);
  shell.out(bold(`${folder}: ${fine.length} of ${inspected.length} files would be taken`));
  if (largest !== undefined) {
    line('types', list(tally(fine.map((i) => i.content_type ?? ''))));
    line(
      'size',
      `${size(sum(fine.map((i) => i.bytes)))}, the largest ${largest.file} (${size(largest.bytes)})`,
    );
    line('chunks', String(sum(fine.map((i) => i.chunks ?? 0))));
    line('languages', list(tally(fine.map((i) => i.language ?? ''))));
  }
  if (leftOut.size > 0) line('left out', endings(leftOut));
  if (problems.length > 0) shell.out(bold('Would not be taken:'));
  for (const { file, problem } of problems) shell.out(`  ${file}: ${problem?.reason}`);
}

function tally(values: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a);
}

function list(counts: readonly [string, number][]): string {
  return counts.map(([name, count]) => `${name} ${count}`).join(', ');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
