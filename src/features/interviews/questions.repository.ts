import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../platform/database/database.js';
import {
  type Difficulty,
  keysFor,
  type NewQuestion,
  type Origin,
  roleKeys,
  textKey,
  type Wanted,
} from './question.js';

export type QuestionRecord = NewQuestion &
  Origin & {
    id: string;
    /** For how many jobs it was suggested. */
    times_suggested: number;
    created_at: Date;
  };

export interface QuestionsWhere {
  category?: string;
  difficulty?: Difficulty;
  role?: string;
  skill?: string;
  source?: Origin['source'];
  after?: string;
  limit: number;
}

const COLUMNS = `q.id, q.text, q.category, q.difficulty, q.required_skills, q.compatible_roles, q.source, q.model,
  q.times_suggested, q.created_at`;
const FITTING = `q.business_id = $1 and q.role_keys && $2::text[] and ($3::text is null or q.difficulty = $3)`;

/** Questions as rows, and how often each was suggested. Every statement names the tenant. */
@Injectable()
export class QuestionsRepository {
  constructor(private readonly database: Database) {}

  /** Adds to documents what makes questions of them: their ids are the documents'. */
  async store(
    tx: Transaction,
    businessId: string,
    questions: readonly (NewQuestion & Origin & { id: string })[],
  ): Promise<void> {
    const rows = questions.map((question) => ({
      ...question,
      text_sha256: textKey(question.text),
      role_keys: roleKeys(question.compatible_roles),
    }));
    await tx.query(
      `insert into questions (id, business_id, text, text_sha256, category, difficulty, required_skills, compatible_roles, role_keys, source, model)
       select id, $1, text, text_sha256, category, difficulty, required_skills, compatible_roles, role_keys, source, model
       from jsonb_to_recordset($2::jsonb) as q (id uuid, text text, text_sha256 text, category text, difficulty text,
         required_skills text[], compatible_roles text[], role_keys text[], source text, model text)`,
      [businessId, JSON.stringify(rows)],
    );
  }

  async find(businessId: string, id: string): Promise<QuestionRecord | undefined> {
    const [found] = await this.read(
      'find a question',
      businessId,
      `select ${COLUMNS} from questions q where q.business_id = $1 and q.id = $2`,
      [id],
    );
    return found;
  }

  /** Newest first. */
  list(businessId: string, where: QuestionsWhere): Promise<QuestionRecord[]> {
    return this.read(
      'list the questions',
      businessId,
      `select ${COLUMNS} from questions q
       where q.business_id = $1 and ($2::text is null or q.category = $2) and ($3::text is null or q.difficulty = $3)
         and ($4::text[] is null or q.role_keys && $4) and ($5::text[] is null or q.required_skills @> $5)
         and ($6::text is null or q.source = $6) and ($7::uuid is null or q.id < $7)
       order by q.id desc limit $8`,
      [
        where.category ?? null,
        where.difficulty ?? null,
        where.role === undefined ? null : keysFor(where.role),
        where.skill === undefined ? null : [where.skill],
        where.source ?? null,
        where.after ?? null,
        where.limit,
      ],
    );
  }

  /** Of these questions, those that are there and are wanted. */
  async fitting(
    businessId: string,
    { role, difficulty }: Wanted,
    ids: readonly string[],
  ): Promise<Map<string, QuestionRecord>> {
    if (ids.length === 0) return new Map();
    const found = await this.read(
      'check questions',
      businessId,
      `select ${COLUMNS} from questions q where ${FITTING} and q.id = any($4::uuid[])`,
      [keysFor(role), difficulty ?? null, ids],
    );
    return new Map(found.map((question) => [question.id, question]));
  }

  /** Of those that are wanted, the ones that were suggested for most jobs, then the newest. */
  popular(
    businessId: string,
    { role, difficulty }: Wanted,
    except: readonly string[],
    limit: number,
  ): Promise<QuestionRecord[]> {
    return this.read(
      'find popular questions',
      businessId,
      `select ${COLUMNS} from questions q where ${FITTING} and q.id <> all($4::uuid[])
       order by q.times_suggested desc, q.id desc limit $5`,
      [keysFor(role), difficulty ?? null, except, limit],
    );
  }

  /** Those among the tenant's questions that these texts are, within the transaction. */
  byText(tx: Transaction, businessId: string, texts: readonly string[]): Promise<QuestionRecord[]> {
    return tx.query<QuestionRecord>(
      `select ${COLUMNS} from questions q where q.business_id = $1 and q.text_sha256 = any($2::text[]) order by q.id`,
      [businessId, texts.map(textKey)],
    );
  }

  /** @returns whether it is there; until the end of the transaction nobody else removes it then */
  async hold(tx: Transaction, businessId: string, id: string): Promise<boolean> {
    const found = await tx.query(`select 1 from questions where business_id = $1 and id = $2 for update`, [
      businessId,
      id,
    ]);
    return found.length > 0;
  }

  /** Counts that these were suggested for a job: once a job, however often it asks. Those that are gone are left out. */
  async note(tx: Transaction, businessId: string, jobId: string, ids: readonly string[]): Promise<void> {
    await tx.query(
      // In one order and with a hold on each: two at once do not end up waiting for each other, and none that is being
      // removed is met. Whoever asks again for the same job holds nothing.
      // A job that was removed meanwhile has nothing noted for it; one that is there stays until this is over.
      `with job as (
         select from job_descriptions where business_id = $1 and id = $2 for key share
       ), there as (
         select q.id from questions q where q.business_id = $1 and q.id = any($3::uuid[]) and exists (select from job)
           and not exists (select from question_uses u where u.business_id = $1 and u.question_id = q.id and u.job_id = $2)
         order by q.id for no key update
       ), added as (
         insert into question_uses (business_id, question_id, job_id) select $1, id, $2 from there
         on conflict do nothing returning question_id
       )
       update questions q set times_suggested = q.times_suggested + 1 from added
       where q.business_id = $1 and q.id = added.question_id`,
      [businessId, jobId, ids],
    );
  }

  /** Takes back what was noted for a job, which nobody else notes anything for by then. */
  async unnote(tx: Transaction, businessId: string, jobId: string): Promise<void> {
    await tx.query(
      // In the order in which they are noted.
      `with used as (
         select q.id from questions q where q.business_id = $1 and q.id in (
           select u.question_id from question_uses u where u.business_id = $1 and u.job_id = $2
         ) order by q.id for no key update
       )
       update questions q set times_suggested = q.times_suggested - 1 from used
       where q.business_id = $1 and q.id = used.id`,
      [businessId, jobId],
    );
  }

  private read(
    operation: string,
    businessId: string,
    sql: string,
    parameters: unknown[],
  ): Promise<QuestionRecord[]> {
    return this.database.transaction(
      operation,
      (tx) => tx.query<QuestionRecord>(sql, [businessId, ...parameters]),
      { businessId, idempotent: true },
    );
  }
}
