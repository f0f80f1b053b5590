import { Injectable } from '@nestjs/common';
import type { Passage } from '../../platform/llm/llm.js';
import { WebSearch } from '../../platform/web-search/web-search.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { type Degradation, degradationOf } from '../search/degradations.js';
import type { Scope } from '../search/passages.repository.js';
import { Search, type SearchResult } from '../search/search.service.js';

// A few pages say what the web has to say, and leave the documents the larger part of the prompt.
const WEB_PAGES = 3;

/** Where something that is said was taken from: a chunk of a document, or a page of the web. */
export interface Source {
  document_id: string | null;
  chunk_id: string | null;
  url: string | null;
  title: string;
  text: string;
}

/** What a text may rest on: the passage with the number n is of the n-th source. */
export interface Material {
  sources: readonly Source[];
  passages: readonly Passage[];
  retrieval: SearchResult['retrieval'];
  /** Why it is less than it might be. */
  because: readonly Degradation[];
  /** Whether each passage was checked against the database. */
  verified: boolean;
}

/** Finds what a text may rest on. */
@Injectable()
export class Library {
  constructor(
    private readonly search: Search,
    private readonly web: WebSearch,
  ) {}

  /**
   * @param web whether pages of the web may be used as well: the question then leaves the house
   * @throws DependencyError when neither the database nor the vectors can be asked
   */
  async find(question: string, scope: Scope, limit: number, web = false): Promise<Material> {
    const [found, pages] = await Promise.all([
      this.search.find(question, 'hybrid', scope, limit),
      web ? this.pages(question) : { sources: [], because: [] },
    ]);
    const documents = found.hits.map(({ document_id, chunk_id, title, text }): Source => ({
      document_id,
      chunk_id,
      url: null,
      title,
      text,
    }));
    const sources = [...documents, ...pages.sources];
    return {
      sources,
      passages: sources.map(({ title, text }, i) => ({ n: i + 1, title, text })),
      retrieval: documents.length === 0 ? 'none' : found.retrieval,
      because: [...found.degraded_because, ...pages.because],
      verified: found.verified,
    };
  }

  /** Without the web there is a text still, from the documents alone. */
  private async pages(question: string): Promise<{ sources: Source[]; because: Degradation[] }> {
    try {
      const pages = await this.web.find(question, WEB_PAGES);
      const sources = pages.map((page): Source => ({ document_id: null, chunk_id: null, ...page }));
      return { sources, because: [] };
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      return { sources: [], because: [degradationOf(error)] };
    }
  }
}
