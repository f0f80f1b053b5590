import { type FetchedPage, PageFault } from './web-pages.js';

type PageType = FetchedPage['contentType'];

const TYPES: readonly string[] = ['text/html', 'text/plain', 'text/markdown'] satisfies PageType[];

/** The header Content-Type, taken apart. `charset` is as it was given: it may name nothing that there is. */
export interface PageContentType {
  type: PageType;
  charset: string | undefined;
}

/** @throws PageFault page_type */
export function contentTypeOf(header: string | undefined): PageContentType {
  const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim());
  if (!TYPES.includes(type.toLowerCase()))
    throw new PageFault(
      'page_type',
      `The page is none of ${TYPES.join(', ')}: send what it says as content, or as a file`,
    );
  const charset = parameters
    .map((parameter) => /^charset\s*=\s*"?([^"]*?)"?$/i.exec(parameter)?.[1])
    .find((value) => value !== undefined && value !== '');
  return { type: type.toLowerCase() as PageType, charset };
}

/**
 * The bytes as text: by their byte order mark, by what the server said, by what an HTML page says of itself, and else as
 * UTF-8. Where somebody said it, a byte that does not fit becomes U+FFFD, as in a browser; where nobody did, the page is
 * refused rather than guessed at.
 * @throws PageFault page_unreadable
 */
export function textOf(bytes: Buffer, { type, charset }: PageContentType): string {
  const said = markOf(bytes) ?? charset ?? (type === 'text/html' ? charsetIn(bytes) : undefined);
  try {
    return new TextDecoder(said ?? 'utf-8', { fatal: said === undefined }).decode(bytes);
  } catch (cause) {
    const what =
      said === undefined
        ? 'is no UTF-8, and does not say what it is'
        : 'names a charset that there is none of';
    throw new PageFault('page_unreadable', `The page ${what}: send its text as content`, { cause });
  }
}

function markOf(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

// Where the standard has browsers look for it.
const PRESCAN_BYTES = 1_024;

function charsetIn(html: Buffer): string | undefined {
  const head = html.subarray(0, PRESCAN_BYTES).toString('latin1');
  const named = /<meta\b[^>]{0,500}?\bcharset\s*=\s*["']?\s*([\w.:-]+)/i.exec(head)?.[1];
  // A page that could be read to find this out is none of the two.
  return named !== undefined && /^utf-?16/i.test(named) ? 'utf-8' : named;
}
