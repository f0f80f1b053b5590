import { type ChunkingReply, type ChunkingRequest, toReply } from './chunker.message.js';
import { chunkDocument } from './chunker.js';

/** What runs in the thread of `ChunkerPool`. */
export default function chunk({ content, contentType }: ChunkingRequest): ChunkingReply {
  return toReply(content, chunkDocument(content, contentType));
}
