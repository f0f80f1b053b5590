import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../platform/database/database.js';
import { type Filter, filterSql } from '../../platform/database/filter.js';

/** Which documents may be recommended. */
export interface Scope {
  businessId: string;
  collection: string;
  filter: Filter;
}

/** Whom they are for, and what of it is known from the request alone. */
export interface Reader {
  userId: string;
  /** Ids and external ids. */
  seen: readonly string[];
}

/** A document that may be recommended, and what users thought of it. */
export interface Content {
  id: string;
  external_id: string | null;
  title: string;
  metadata: Record<string, unknown>;
  likes: number;
  viewers: number;
}

export interface LikedContent {
  id: string;
  title: string;
  /** How it begins. */
  text: string;
}

// Each user counts once a document, by what they said last, and for having viewed it only where they said nothing more.
const VOTES = `refs as (
    select s.user_id, s.pattern_id, s.verdict, d.id from pattern_contents s
    join documents d on d.business_id = s.business_id and d.id::text = s.content where s.business_id = $1
    union all
    select s.user_id, s.pattern_id, s.verdict, d.id from pattern_contents s
    join documents d on d.business_id = s.business_id and d.external_id = s.content where s.business_id = $1
  ), verdicts as (
    select distinct on (user_id, id) user_id, id, verdict, pattern_id from refs
    order by user_id, id, (verdict = 'viewed'), pattern_id desc
  ), votes as (
    select id, count(*)::int as viewers, (count(*) filter (where verdict = 'liked'))::int as likes,
      (count(*) filter (where verdict = 'disliked'))::int as dislikes
    from verdicts group by id
  )`;
const COLUMNS = `d.id, d.external_id, d.title, d.metadata, coalesce(v.likes, 0) as likes, coalesce(v.viewers, 0) as viewers`;
const UNSEEN = `not exists (select from pattern_contents s
    where s.business_id = $1 and s.user_id = $2 and s.content in (d.id::text, d.external_id))
  and d.id::text <> all($3::text[]) and (d.external_id is null or d.external_id <> all($3::text[]))`;

/** Documents as what users look at. Every statement names the tenant, and reads the primary: what was just seen counts. */
@Injectable()
export class ContentsRepository {
  constructor(private readonly database: Database) {}

  /** How many things the user is known to have seen. */
  async seenBy(businessId: string, userId: string): Promise<number> {
    const [counted] = await this.read<{ seen: number }>('count what was seen', businessId, (tx) =>
      tx.query(
        'select count(distinct content)::int as seen from pattern_contents where business_id = $1 and user_id = $2',
        [businessId, userId],
      ),
    );
    return counted!.seen;
  }

  /**
   * The documents that the user liked and never took back, the last first.
   * @param also ids and external ids that count as liked just now
   */
  async likedBy(
    businessId: string,
    userId: string,
    also: readonly string[],
    limit: number,
  ): Promise<LikedContent[]> {
    return this.read('find what was liked', businessId, (tx) =>
      tx.query<LikedContent>(
        `with ${VOTES}
         select d.id, d.title, left(d.content, 1000) as text from documents d
         left join verdicts v on v.id = d.id and v.user_id = $2
         where d.business_id = $1 and (v.verdict = 'liked' or d.id::text = any($3::text[]) or d.external_id = any($3::text[]))
         order by v.pattern_id desc nulls first, d.id desc limit $4`,
        [businessId, userId, also, limit],
      ),
    );
  }

  /** Of these documents, those that may be recommended to the user: they are in scope, and not seen yet. */
  async unseen(
    { businessId, collection, filter }: Scope,
    reader: Reader,
    ids: readonly string[],
  ): Promise<Map<string, Content>> {
    if (ids.length === 0) return new Map();
    const parameters: unknown[] = [businessId, reader.userId, reader.seen, collection, ids];
    const condition = filterSql('d.metadata', filter, parameters);
    const found = await this.read('check recommendations', businessId, (tx) =>
      tx.query<Content>(
        `with ${VOTES} select ${COLUMNS} from documents d left join votes v on v.id = d.id
         where d.business_id = $1 and d.collection = $4 and d.id = any($5::uuid[]) and ${UNSEEN} and ${condition}`,
        parameters,
      ),
    );
    return new Map(found.map((content) => [content.id, content]));
  }

  /** The documents that most users liked, then those that most have viewed, then the newest. None that the user has seen. */
  popular(
    { businessId, collection, filter }: Scope,
    reader: Reader,
    except: readonly string[],
    limit: number,
  ): Promise<Content[]> {
    const parameters: unknown[] = [businessId, reader.userId, reader.seen, collection, except, limit];
    const condition = filterSql('d.metadata', filter, parameters);
    return this.read('find popular documents', businessId, (tx) =>
      tx.query<Content>(
        `with ${VOTES} select ${COLUMNS} from documents d left join votes v on v.id = d.id
         where d.business_id = $1 and d.collection = $4 and d.id <> all($5::uuid[]) and ${UNSEEN} and ${condition}
         order by coalesce(v.likes - v.dislikes, 0) desc, coalesce(v.viewers, 0) desc, d.id desc limit $6`,
        parameters,
      ),
    );
  }

  private read<Row>(
    operation: string,
    businessId: string,
    work: (tx: Transaction) => Promise<Row[]>,
  ): Promise<Row[]> {
    return this.database.transaction(operation, work, { businessId, idempotent: true });
  }
}
