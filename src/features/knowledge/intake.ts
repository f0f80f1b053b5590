import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { AppError, invalid } from '../../kernel/app-error.js';
import type { ContentType } from './chunking/chunk.js';

const TYPE_OF_ENDING: Record<string, ContentType> = {
  '.md': 'text/markdown',
  '.markdown': 'text/markdown',
  '.mdx': 'text/markdown',
  '.html': 'text/html',
  '.htm': 'text/html',
  '.xhtml': 'text/html',
};

/** What a file's name says of its type; undefined when it says nothing. */
export function typeOfName(name: string): ContentType | undefined {
  return TYPE_OF_ENDING[extname(name).toLowerCase()];
}

/** Checks that a content can be kept and found again, and says what is wrong with it if not. */
export function checkContent(content: string, bytesMax: number): void {
  const bytes = Buffer.byteLength(content);
  if (bytes > bytesMax) throw tooLarge(bytes, bytesMax);
  const nul = content.indexOf('\u0000');
  if (nul !== -1)
    throw invalid('content', `holds the character U+0000 at offset ${nul}: is it text? Remove the character`);
  if (!content.isWellFormed()) {
    throw invalid(
      'content',
      'is not well-formed Unicode: it holds half of a surrogate pair. Send it as UTF-8',
    );
  }
  if (content.trim() === '') throw invalid('content', 'is empty: there is nothing in it to find');
}

export function tooLarge(bytes: number, bytesMax: number): AppError {
  return new AppError(
    'payload_too_large',
    `The document has ${bytes} bytes and may have ${bytesMax}: split it, or raise DOCUMENT_BYTES_MAX`,
  );
}

/**
 * Reads a file as text: UTF-8, or UTF-16 where a byte order mark says so. Anything else is refused rather than guessed.
 */
export function decode(bytes: Buffer): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new AppError(
      'unsupported_media_type',
      `The file is not ${encoding.toUpperCase()} text. Convert it to UTF-8, or send what it says as text`,
      { errors: [{ path: 'file', message: `is not ${encoding.toUpperCase()} text` }] },
    );
  }
}

export function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
