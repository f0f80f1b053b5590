import type { ChunkedDocument, ContentType } from './chunk.js';

export interface ChunkingRequest {
  content: string;
  contentType: ContentType;
}

/** A chunked document without what the receiver has or can cut out itself: the texts are copied between threads. */
export interface ChunkingReply {
  /** Left out when it is the source itself. */
  content: string | undefined;
  /** Start and end of each chunk in turn. */
  bounds: Uint32Array;
  headings: string[][];
}

export function toReply(source: string, { content, chunks }: ChunkedDocument): ChunkingReply {
  const bounds = new Uint32Array(2 * chunks.length);
  for (const { position, start, end } of chunks) bounds.set([start, end], 2 * position);
  return {
    content: content === source ? undefined : content,
    bounds,
    headings: chunks.map((chunk) => chunk.headings),
  };
}

export function fromReply(source: string, reply: ChunkingReply): ChunkedDocument {
  const content = reply.content ?? source;
  const chunks = reply.headings.map((headings, position) => {
    const [start = 0, end = 0] = reply.bounds.subarray(2 * position, 2 * position + 2);
    return { position, start, end, text: content.slice(start, end), headings };
  });
  return { content, chunks };
}
