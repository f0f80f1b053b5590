import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { invalid } from '../../kernel/app-error.js';
import type { ContentType } from './chunking/chunk.js';
import { ChunkerPool, DocumentTooComplex } from './chunking/chunker.pool.js';
import type { StoredContent } from './documents.repository.js';
import { checkContent, sha256 } from './intake.js';

/** Makes of a content what is stored of it. */
@Injectable()
export class Reading implements OnApplicationShutdown {
  private readonly chunker = new ChunkerPool();

  constructor(private readonly settings: Settings) {}

  async onApplicationShutdown(): Promise<void> {
    await this.chunker.close();
  }

  /** @throws AppError payload_too_large or validation_failed, which names `content`: it cannot be kept or holds nothing */
  async read(sent: string, contentType: ContentType, signal?: AbortSignal): Promise<StoredContent> {
    checkContent(sent, this.settings.DOCUMENT_BYTES_MAX);
    const { content, chunks } = await this.chunk(sent, contentType, signal);
    if (chunks.length === 0) throw invalid('content', 'holds no text: there is nothing in it to find');
    return { contentType, content, contentSha256: sha256(sent), chunks };
  }

  private async chunk(content: string, contentType: ContentType, signal: AbortSignal | undefined) {
    try {
      return await this.chunker.chunk(content, contentType, signal);
    } catch (error) {
      if (!(error instanceof DocumentTooComplex)) throw error;
      throw invalid(
        'content',
        `is too much to read at once (${error.message}). Split it into smaller documents`,
      );
    }
  }
}
