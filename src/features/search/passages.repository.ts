import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import { filterSql, type Filter } from '../../platform/database/filter.js';

/** A chunk of a document as it is now. */
export interface StoredPassage {
  chunk_id: string;
  document_id: string;
  title: string;
  text: string;
  metadata: Record<string, unknown>;
  start: number;
  end: number;
}

export interface Scope {
  businessId: string;
  collection: string;
  filter: Filter;
}

const COLUMNS = `c.id as chunk_id, c.document_id, d.title, c.text, d.metadata, c.start_offset as start, c.end_offset as "end"`;
const CURRENT = `from chunks c join documents d on d.id = c.document_id and d.version = c.version`;

/** Passages out of the database: by their words, and by their ids. Both see only what is true now. */
@Injectable()
export class PassagesRepository {
  constructor(private readonly database: Database) {}

  /**
   * Full text: a passage needs one word of the query, and ranks by how many of them it has and how often. That every word
   * must be there is what finds nothing for a question in plain language. Neither a weight for headings nor a correction
   * for length helped: chunks are of much the same length (bench/README.md has the figures).
   *
   * It is the dearest of all reads, so a replica may do it where there is one. The replica does not know yet what was
   * deleted or replaced a moment ago; that is taken out by a look at the primary, which costs little.
   */
  async byWords(query: string, scope: Scope, limit: number): Promise<(StoredPassage & { score: number })[]> {
    const found = await this.ranked(query, scope, limit);
    if (!this.database.replicated) return found;
    const current = await this.current(
      found.map((passage) => passage.chunk_id),
      scope,
    );
    return found.filter((passage) => current.has(passage.chunk_id));
  }

  /** As the database that was asked knows it. */
  private async ranked(
    query: string,
    { businessId, collection, filter }: Scope,
    limit: number,
  ): Promise<(StoredPassage & { score: number })[]> {
    const parameters: unknown[] = [query, businessId, collection, limit];
    const condition = filterSql('d.metadata', filter, parameters);
    return this.database.transaction(
      'search by words',
      (tx) =>
        tx.query<StoredPassage & { score: number }>(
          // What plainto_tsquery joins by "and" is joined by "or". The words themselves hold no " & ": its parser ends them
          // at spaces.
          `with asked as materialized (
             select replace(plainto_tsquery('english', $1)::text, ' & ', ' | ')::tsquery as query
           )
           select ${COLUMNS}, ts_rank(c.search, asked.query)::float8 as score
           ${CURRENT}, asked
           where c.business_id = $2 and c.collection = $3 and c.search @@ asked.query and ${condition}
           order by score desc, c.id limit $4`,
          parameters,
        ),
      { businessId, idempotent: true, staleOk: true },
    );
  }

  /** Of these chunks, those that are the tenant's, of the current version of a document that is there, and match. */
  async current(
    ids: readonly string[],
    { businessId, collection, filter }: Scope,
  ): Promise<Map<string, StoredPassage>> {
    if (ids.length === 0) return new Map();
    const parameters: unknown[] = [businessId, collection, ids];
    const condition = filterSql('d.metadata', filter, parameters);
    const found = await this.database.transaction(
      'check hits',
      (tx) =>
        tx.query<StoredPassage>(
          `select ${COLUMNS} ${CURRENT} where d.business_id = $1 and d.collection = $2 and c.id = any($3::uuid[]) and ${condition}`,
          parameters,
        ),
      { businessId, idempotent: true },
    );
    return new Map(found.map((passage) => [passage.chunk_id, passage]));
  }
}
