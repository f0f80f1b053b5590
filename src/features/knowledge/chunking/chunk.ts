export type ContentType = 'text/plain' | 'text/markdown' | 'text/html';

export interface Chunk {
  /** 0-based. */
  position: number;
  /** UTF-16 offsets into the document's `content`: `content.slice(start, end) === text`. */
  start: number;
  end: number;
  /** Never empty or blank; trimmed at both ends by moving the offsets. */
  text: string;
  /** The section the chunk begins in, outermost heading first. A heading belongs to the section that it opens. */
  headings: string[];
}

export interface ChunkedDocument {
  /** What the offsets count in: the source itself, or the readable text that was made of HTML. */
  content: string;
  chunks: Chunk[];
}
