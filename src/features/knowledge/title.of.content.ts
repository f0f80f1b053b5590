import type { ContentType } from './chunking/chunk.js';
import { chunkDocument } from './chunking/chunker.js';

// A title stands at the top. Further down, a first heading is one of many.
const HEAD_CHARS = 20_000;

/** What a document calls itself, if it does. */
export function titleOfContent(content: string, contentType: ContentType): string | undefined {
  const head = content.slice(0, HEAD_CHARS);
  switch (contentType) {
    case 'text/markdown':
      return markdownTitle(head);
    case 'text/html':
      return htmlTitle(head);
    case 'text/plain':
      return undefined;
  }
}

/**
 * The heading of the first level, or the heading that the document opens with whatever its level. (Many open with a banner
 * in raw HTML, which says the same in each of them.) A later heading of a lower level names a part, not the whole.
 */
function markdownTitle(head: string): string | undefined {
  const { matter, body } = withoutFrontMatter(head);
  const named = /^title:\s*(["']?)(.+?)\1\s*$/m.exec(matter)?.[2];
  if (named !== undefined) return named;
  let fence: string | undefined;
  let opening = true;
  for (const line of body.split(/\r?\n/)) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined && (fence === undefined || mark.startsWith(fence))) {
      fence = fence === undefined ? mark : undefined;
    }
    const [, level, words] = (fence === undefined && /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line)) || [];
    if (words !== undefined && words !== '' && (opening || level === '#')) return plainHeading(words);
    if (line.trim() !== '' && !/^\s*<.*>\s*$/.test(line)) opening = false;
  }
  return undefined;
}

function withoutFrontMatter(head: string): { matter: string; body: string } {
  const [all, matter] = /^---\r?\n([\s\S]*?)\r?\n---\r?\n/.exec(head) ?? [];
  return all === undefined
    ? { matter: '', body: head }
    : { matter: matter ?? '', body: head.slice(all.length) };
}

/** Without its marks, as the service reads a heading. */
function plainHeading(words: string): string | undefined {
  return chunkDocument(`# ${words}\n\ntext`, 'text/markdown').chunks[0]?.headings[0];
}

function htmlTitle(head: string): string | undefined {
  for (const element of ['title', 'h1']) {
    const inner = new RegExp(`<${element}(?:\\s[^>]*)?>([\\s\\S]*?)</${element}>`, 'i').exec(head)?.[1];
    if (inner === undefined) continue;
    const words = chunkDocument(`<p>${inner}</p>`, 'text/html').content.replaceAll(/\s+/g, ' ').trim();
    if (words !== '') return words;
  }
  return undefined;
}
