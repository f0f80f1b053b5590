import { ChunkerPool, DocumentTooComplex } from '../features/knowledge/chunking/chunker.pool.js';
import type { ContentType } from '../features/knowledge/chunking/chunk.js';
import { newDocument } from '../features/knowledge/document.schemas.js';
import type { FoundFile } from './folder.js';
import { languageOf } from './language.js';
import { inParallel } from './parallel.js';
import { isObstacle, type Obstacle, readSource } from './source.js';

/** What a file would be as a document. */
export interface Inspected {
  file: string;
  bytes: number;
  /** Null for what would be ingested. */
  problem: Obstacle | null;
  title?: string;
  content_type?: ContentType;
  chunks?: number;
  /** ISO 639-1, or `unknown`. */
  language?: string;
}

const AT_ONCE = 4;

/** Looks at files as the service would: the same checks, the same chunks. */
export async function inspectFiles(
  files: readonly FoundFile[],
  bytesMax: number,
  signal: AbortSignal,
): Promise<Inspected[]> {
  const chunker = new ChunkerPool();
  const inspected: Inspected[] = [];
  try {
    await inParallel(files, AT_ONCE, signal, async (found, s) => {
      inspected.push(await inspectFile(found, bytesMax, chunker, s));
    });
  } finally {
    await chunker.close();
  }
  return inspected.toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

async function inspectFile(
  found: FoundFile,
  bytesMax: number,
  chunker: ChunkerPool,
  signal: AbortSignal,
): Promise<Inspected> {
  const { file, bytes } = found;
  const source = await readSource(found, bytesMax);
  if (isObstacle(source)) return { file, bytes, problem: source };
  const facts = { file, bytes, title: source.title, content_type: source.contentType };
  const checked = newDocument.safeParse({ title: source.title, content: source.content, external_id: file });
  if (!checked.success) {
    const reason = checked.error.issues
      .map(({ path, message }) => `${path.join('.')}: ${message}`)
      .join('; ');
    return { ...facts, problem: { code: 'validation_failed', reason } };
  }
  try {
    const { content, chunks } = await chunker.chunk(source.content, source.contentType, signal);
    const problem =
      chunks.length > 0
        ? null
        : { code: 'validation_failed', reason: 'holds no text: there is nothing in it to find' };
    return { ...facts, problem, chunks: chunks.length, language: languageOf(content) };
  } catch (error) {
    if (!(error instanceof DocumentTooComplex)) throw error;
    return {
      ...facts,
      problem: { code: 'validation_failed', reason: 'takes too long to read: split it into smaller ones' },
    };
  }
}
