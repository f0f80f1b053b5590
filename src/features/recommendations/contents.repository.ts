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

/** A document that may be recommended. */
export interface Content {
  id: string;
  external_id: string | null;
  title: string;
  metadata: Record<string, unknown>;
}

/** What users thought of it lately. */
export interface PopularContent extends Content {
  likes: number;
  viewers: number;
}

export interface LikedContent {
  id: string;
  title: string;
  /** How it begins. */
  text: string;
}

// What is popular is what users said last, so many things together: what they said long ago is neither read nor true.
const VOTES_READ = 20_000;
const UNSEEN = `not exists (select from pattern_contents s
    where s.business_id = $1 and s.user_id = $2 and s.content in (d.id::text, d.external_id))
  and d.id::text <> all($3::text[]) and (d.external_id is null or d.external_id <> all($3::text[]))`;
const COLUMNS = 'd.id, d.external_id, d.title, d.metadata';

/** What was said of the documents of a collection ($4), with the id of each, by whichever name it was said. */
const about = (said: string) => `select s.*, d.id from ${said} s
    join documents d on d.id = s.document_id and d.business_id = $1 and d.collection = $4
  union all
  select s.*, d.id from ${said} s
    join documents d on d.external_id = s.content and d.business_id = $1 and d.collection = $4`;
// For having viewed it only where they said nothing more.
const LAST = "(verdict = 'viewed'), pattern_id desc";

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
   * The documents of the collection that the user liked and never took back, the last first.
   * @param now ids and external ids that count as liked just now
   */
  async likedBy(
    { businessId, collection }: Pick<Scope, 'businessId' | 'collection'>,
    userId: string,
    now: readonly string[],
    limit: number,
  ): Promise<LikedContent[]> {
    return this.read('find what was liked', businessId, (tx) =>
      tx.query<LikedContent>(
        `with mine as (
           select content, document_id, verdict, pattern_id from pattern_contents where business_id = $1 and user_id = $2
         ), refs as (${about('mine')}), verdicts as (
           select distinct on (id) id, verdict, pattern_id from refs order by id, ${LAST}
         ), liked as (
           select id, pattern_id from verdicts where verdict = 'liked'
           union all
           select d.id, null from documents d
           where d.business_id = $1 and d.collection = $4 and (d.id::text = any($3::text[]) or d.external_id = any($3::text[]))
         ), latest as (
           select distinct on (id) id, pattern_id from liked order by id, pattern_id desc nulls first
         )
         select d.id, d.title, left(d.content, 1000) as text from latest l
         join documents d on d.business_id = $1 and d.id = l.id
         order by l.pattern_id desc nulls first, d.id desc limit $5`,
        [businessId, userId, now, collection, limit],
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
        `select ${COLUMNS} from documents d
         where d.business_id = $1 and d.collection = $4 and d.id = any($5::uuid[]) and ${UNSEEN} and ${condition}`,
        parameters,
      ),
    );
    return new Map(found.map((content) => [content.id, content]));
  }

  /**
   * The documents that most users liked lately, then those that most have viewed, then the newest. None that the user has
   * seen. Each user counts once a document; one that more disliked than liked is as good as any other that is as new.
   */
  popular(
    { businessId, collection, filter }: Scope,
    reader: Reader,
    except: readonly string[],
    limit: number,
  ): Promise<PopularContent[]> {
    const parameters: unknown[] = [businessId, reader.userId, reader.seen, collection, except, limit];
    const condition = filterSql('d.metadata', filter, parameters);
    const fits = `d.business_id = $1 and d.collection = $4 and d.id <> all($5::uuid[]) and ${UNSEEN} and ${condition}`;
    return this.read('find popular documents', businessId, (tx) =>
      tx.query<PopularContent>(
        `with lately as (
           select user_id, content, document_id, verdict, pattern_id from pattern_contents
           where business_id = $1 order by pattern_id desc limit ${VOTES_READ}
         ), refs as (${about('lately')}), verdicts as (
           select distinct on (id, user_id) id, verdict from refs order by id, user_id, ${LAST}
         ), votes as (
           select id, count(*)::int as viewers, (count(*) filter (where verdict = 'liked'))::int as likes,
             (count(*) filter (where verdict = 'disliked'))::int as dislikes
           from verdicts group by id
         ), voted as (
           select ${COLUMNS}, v.likes, v.viewers, v.likes - v.dislikes as worth from votes v
           join documents d on d.id = v.id where v.likes >= v.dislikes and ${fits}
           order by worth desc, v.viewers desc, d.id desc limit $6
         ), newest as (
           select ${COLUMNS} from documents d where ${fits} and d.id not in (select id from voted)
           order by d.id desc limit $6
         )
         select id, external_id, title, metadata, likes, viewers from (
           select 1 as part, * from voted
           union all
           select 2, n.*, coalesce(v.likes, 0), coalesce(v.viewers, 0), 0 from newest n left join votes v on v.id = n.id
         ) as both_parts order by part, worth desc, case part when 1 then viewers end desc, id desc limit $6`,
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
