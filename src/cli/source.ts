import { open } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { ContentType } from '../features/knowledge/chunking/chunk.js';
import { checkContent, decode, tooLarge, typeOfName } from '../features/knowledge/intake.js';
import { AppError } from '../kernel/app-error.js';
import type { FoundFile } from './folder.js';
import { titleOfContent } from '../features/knowledge/title.of.content.js';

/** A file as a document: what is sent of it. */
export interface Source {
  title: string;
  content: string;
  contentType: ContentType;
}

/** Why a file is no document that could be taken. */
export interface Obstacle {
  code: string;
  reason: string;
}

/** Reads a file, with the checks that the service itself would make. */
export async function readSource({ path, file }: FoundFile, bytesMax: number): Promise<Source | Obstacle> {
  try {
    const content = decode(await read(path, bytesMax));
    checkContent(content, bytesMax);
    const contentType = typeOfName(file) ?? 'text/plain';
    return { content, contentType, title: titleOfContent(content, contentType) ?? nameOf(file) };
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, reason: error.message };
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    return { code: 'unreadable', reason: `cannot be read (${code})` };
  }
}

export function isObstacle(read: Source | Obstacle): read is Obstacle {
  return 'reason' in read;
}

/** The size is looked at first, and again while reading: a file may be larger than memory, and grow. */
async function read(path: string, bytesMax: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > bytesMax) throw tooLarge(size, bytesMax);
    const bytes = await file.readFile();
    if (bytes.length > bytesMax) throw tooLarge(bytes.length, bytesMax);
    return bytes;
  } finally {
    await file.close();
  }
}

/** `Guides/Getting-Started.md` → Getting Started */
function nameOf(file: string): string {
  const name = basename(file, extname(file));
  return name.replaceAll(/[-_]+/g, ' ').trim() || name;
}
