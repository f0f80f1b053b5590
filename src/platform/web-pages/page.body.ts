import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { PageFault } from './web-pages.js';

/** What `readBody` can undo, as a request says it. */
export const ENCODINGS = 'gzip, br';

const DECODERS = { gzip: createGunzip, 'x-gzip': createGunzip, br: createBrotliDecompress };

/**
 * Reads a body to its end and undoes its compression. A few kilobytes may unpack to gigabytes, and gigabytes to nothing:
 * both sides are counted while they flow.
 * @param encoding the header Content-Encoding
 * @throws PageFault page_too_large, page_unreadable
 */
export async function readBody(
  body: Readable,
  encoding: string | undefined,
  bytesMax: number,
): Promise<Buffer> {
  const decoder = decoderOf(encoding);
  const chunks: Buffer[] = [];
  const keep = async (source: AsyncIterable<unknown>) => {
    for await (const chunk of limited(source, bytesMax)) chunks.push(chunk);
  };
  const packed = (source: AsyncIterable<unknown>) => limited(source, bytesMax);
  if (decoder === undefined) await pipeline(body, keep);
  else await pipeline(body, packed, decoder(), keep);
  return Buffer.concat(chunks);
}

function decoderOf(encoding: string | undefined): (() => NodeJS.ReadWriteStream) | undefined {
  const name = encoding?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return undefined;
  const decoder = Object.hasOwn(DECODERS, name) ? DECODERS[name as keyof typeof DECODERS] : undefined;
  if (decoder !== undefined) return decoder;
  throw new PageFault(
    'page_unreadable',
    'The page is compressed in a way that was not asked for: send its text as content',
  );
}

async function* limited(source: AsyncIterable<unknown>, bytesMax: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    yield chunk;
  }
}

export function tooLarge(bytesMax: number): PageFault {
  return new PageFault(
    'page_too_large',
    `The page is larger than the ${bytesMax} bytes that a document may have: send its parts as content, or have the operator raise DOCUMENT_BYTES_MAX`,
  );
}
