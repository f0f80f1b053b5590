import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../platform/database/database.js';
import type { Judged } from './examples.js';
import type { Generation } from './generation.schemas.js';

export interface StoredGeneration extends Omit<Generation, 'generation_id'> {
  id: string;
  content_type: string;
  topic: string;
  voice: string;
  created_at: Date;
}

export interface Judgement {
  approved: boolean;
  score: number;
  comment: string;
}

/** Sums over what was generated of one content type, or of all. */
export interface Tally {
  generations: number;
  with_feedback: number;
  approved: number;
  mean: number | null;
  deviation: number | null;
  slope: number | null;
  learned: number;
  mean_with: number | null;
  mean_without: number | null;
}

const COLUMNS = `id, content_type, topic, voice, content, citations, answer_level, retrieval, degraded_because, verified,
  model, usage, truncated, learned_from, created_at`;

// So far back a later generation looks for examples.
const JUDGED_MAX = 200;

/** Generations and feedback as rows. Every statement names the tenant. */
@Injectable()
export class GenerationRepository {
  constructor(private readonly database: Database) {}

  async store(
    tx: Transaction,
    businessId: string,
    generation: Omit<StoredGeneration, 'created_at'>,
  ): Promise<void> {
    await tx.query(
      `insert into generations (id, business_id, content_type, topic, voice, content, citations, answer_level, retrieval,
         degraded_because, verified, model, usage, truncated, learned_from)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::uuid[])`,
      [
        generation.id,
        businessId,
        generation.content_type,
        generation.topic,
        generation.voice,
        generation.content,
        JSON.stringify(generation.citations),
        generation.answer_level,
        generation.retrieval,
        JSON.stringify(generation.degraded_because),
        generation.verified,
        generation.model,
        generation.usage === null ? null : JSON.stringify(generation.usage),
        generation.truncated,
        generation.learned_from,
      ],
    );
  }

  async find(businessId: string, id: string): Promise<StoredGeneration | undefined> {
    return this.read('find a generation', businessId, async (tx) => {
      const [found] = await tx.query<StoredGeneration>(
        `select ${COLUMNS} from generations where business_id = $1 and id = $2`,
        [businessId, id],
      );
      return found;
    });
  }

  /** What models wrote and people judged, the newest judgement first. */
  async judged(businessId: string, contentType: string): Promise<Judged[]> {
    return this.read('find examples', businessId, (tx) =>
      tx.query<Judged>(
        `select f.id as feedback_id, g.topic, g.content, f.approved, f.score, f.comment
         from feedback f join generations g on g.id = f.generation_id and g.business_id = f.business_id
         where f.business_id = $1 and g.content_type = $2 and f.superseded_at is null and g.model is not null
         order by f.id desc limit $3`,
        [businessId, contentType, JUDGED_MAX],
      ),
    );
  }

  /** Takes the place of what was said of it before. @returns false when there is no such generation */
  async judge(
    tx: Transaction,
    businessId: string,
    { id, generationId, judgement }: { id: string; generationId: string; judgement: Judgement },
  ): Promise<boolean> {
    // Two who say something of it at the same time are taken one after the other.
    const found = await tx.query('select 1 from generations where business_id = $1 and id = $2 for update', [
      businessId,
      generationId,
    ]);
    if (found.length === 0) return false;
    await tx.query(
      `update feedback set superseded_at = now()
       where business_id = $1 and generation_id = $2 and superseded_at is null`,
      [businessId, generationId],
    );
    const { approved, score, comment } = judgement;
    await tx.query(
      `insert into feedback (id, business_id, generation_id, approved, score, comment) values ($1, $2, $3, $4, $5, $6)`,
      [id, businessId, generationId, approved, score, comment],
    );
    return true;
  }

  async tally(businessId: string, contentType: string | undefined): Promise<Tally> {
    return this.read('count generations', businessId, async (tx) => {
      const [tally] = await tx.query<Tally>(
        `with judged as (
           select g.id, f.approved, f.score, cardinality(g.learned_from) > 0 as learned,
             row_number() over (partition by f.id is null order by g.id) as place
           from generations g left join feedback f
             on f.generation_id = g.id and f.business_id = g.business_id and f.superseded_at is null
           where g.business_id = $1 and ($2::text is null or g.content_type = $2)
         )
         select count(*)::int as generations, count(score)::int as with_feedback,
           (count(*) filter (where approved))::int as approved, avg(score) as mean, stddev_samp(score) as deviation,
           regr_slope(score, place) as slope, (count(*) filter (where learned))::int as learned,
           avg(score) filter (where learned) as mean_with, avg(score) filter (where not learned) as mean_without
         from judged`,
        [businessId, contentType ?? null],
      );
      return tally!;
    });
  }

  private read<T>(operation: string, businessId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.database.transaction(operation, work, { businessId, idempotent: true });
  }
}
