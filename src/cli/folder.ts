import { type Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join, matchesGlob } from 'node:path';
import { CommandError } from './failure.js';

/** Which files of a folder. A pattern without a slash matches at any depth, as in .gitignore. */
export interface Selection {
  include: readonly string[];
  exclude: readonly string[];
}

export interface FoundFile {
  /** Relative to the folder, with `/` on every system. */
  file: string;
  path: string;
  bytes: number;
}

export interface Found {
  files: FoundFile[];
  /** What the patterns do not take: how many of each ending. */
  leftOut: Map<string, number>;
}

export const INCLUDE_DEFAULT = ['**/*.{md,markdown,mdx,txt,text,html,htm}'];

/** The files of a folder that are meant, by name. @throws CommandError when there is no such folder, or nothing in it */
export async function findFiles(folder: string, selection: Selection): Promise<Found> {
  await assertFolder(folder);
  const found: Found = { files: [], leftOut: new Map() };
  await walk(folder, '', selection, found);
  if (found.files.length === 0) {
    const others = found.leftOut.size === 0 ? 'it holds no files' : `it holds ${endings(found.leftOut)}`;
    throw new CommandError(
      `Nothing in ${folder} matches ${selection.include.join(' ')}: ${others}. Name what you mean with --include ` +
        '(hidden files and node_modules are never taken)',
    );
  }
  found.files.sort((a, b) => (a.file < b.file ? -1 : 1));
  return found;
}

/** `3 .svg, 1 .png` */
export function endings(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([ending, count]) => `${count} ${ending}`)
    .join(', ');
}

async function assertFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`The folder ${folder} cannot be read (${error.code}). Is its name right?`);
  });
  if (!found.isDirectory())
    throw new CommandError(`${folder} is not a folder. Name the folder that it is in, and it with --include`);
}

async function walk(folder: string, below: string, selection: Selection, found: Found): Promise<void> {
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const file = below === '' ? entry.name : `${below}/${entry.name}`;
    if (isHidden(entry.name) || matches(file, selection.exclude)) continue;
    if (entry.isDirectory()) await walk(folder, file, selection, found);
    else await take(folder, file, entry, selection, found);
  }
}

async function take(
  folder: string,
  file: string,
  entry: Dirent,
  selection: Selection,
  found: Found,
): Promise<void> {
  const path = join(folder, file);
  // A link to a file is that file. One to a folder is not followed: it may lead back to where it stands.
  const size = await sizeOf(path, entry);
  if (size === undefined) return;
  if (matches(file, selection.include)) {
    found.files.push({ file, path, bytes: size });
  } else {
    const ending = extname(file).toLowerCase() || 'without an ending';
    found.leftOut.set(ending, (found.leftOut.get(ending) ?? 0) + 1);
  }
}

/** Undefined for what is no file: a socket, a folder behind a link, a link to nowhere. */
async function sizeOf(path: string, entry: Dirent): Promise<number | undefined> {
  if (!entry.isFile() && !entry.isSymbolicLink()) return undefined;
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return undefined;
    throw error;
  });
  return found?.isFile() === true ? found.size : undefined;
}

// Without regard to case: README.MD is Markdown too.
function matches(file: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const anywhere = pattern.includes('/')
      ? pattern.replace(/^\.?\//, '').replace(/\/$/, '')
      : `**/${pattern}`;
    return matchesGlob(file.toLowerCase(), anywhere.toLowerCase());
  });
}

function isHidden(name: string): boolean {
  return name.startsWith('.') || name === 'node_modules';
}
