import type { ChunkedDocument, ContentType } from './chunk.js';
import { htmlDocument } from './html.blocks.js';
import { markdownBlocks } from './markdown.blocks.js';
import { markdownTitle } from './markdown.title.js';
import { pack } from './packing.js';
import { plainBlocks } from './plain.blocks.js';
import { titleOf } from './title.js';

/**
 * Pure and synchronous, and linear in the length of the content whatever is in it: nothing here recurses over the
 * document or looks back further than one chunk. Ten megabytes take seconds all the same: see `ChunkerPool`.
 */
export function chunkDocument(content: string, contentType: ContentType): ChunkedDocument {
  if (contentType === 'text/html') {
    const { text, blocks } = htmlDocument(content);
    return {
      content: text,
      chunks: pack(text, blocks, ({ title }) => titleOf(text.slice(title.start, title.end))),
    };
  }
  if (contentType === 'text/markdown') {
    return {
      content,
      chunks: pack(content, markdownBlocks(content), ({ title }) => markdownTitle(content, title)),
    };
  }
  return { content, chunks: pack(content, plainBlocks(content), () => '') };
}
