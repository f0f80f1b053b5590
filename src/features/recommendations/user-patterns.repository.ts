import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../platform/database/database.js';
import type { Verdict } from './user.facts.js';

export interface UserPattern {
  id: string;
  user_id: string;
  pattern_data: Record<string, unknown>;
  created_at: Date;
}

export interface PatternsWhere {
  userId?: string;
  after?: string;
  limit: number;
}

const COLUMNS = 'id, user_id, pattern_data, created_at';

/** Patterns of users as rows, and what they say of each thing. Every statement names the tenant. */
@Injectable()
export class UserPatternsRepository {
  constructor(private readonly database: Database) {}

  async store(
    tx: Transaction,
    businessId: string,
    { id, user_id: userId, pattern_data: data }: Omit<UserPattern, 'created_at'>,
    verdicts: ReadonlyMap<string, Verdict>,
  ): Promise<void> {
    await tx.query(
      'insert into user_patterns (id, business_id, user_id, pattern_data) values ($1, $2, $3, $4)',
      [id, businessId, userId, JSON.stringify(data)],
    );
    await tx.query(
      `insert into pattern_contents (business_id, pattern_id, user_id, content, verdict)
       select $1, $2, $3, c.content, c.verdict from unnest($4::text[], $5::text[]) as c (content, verdict)`,
      [businessId, id, userId, [...verdicts.keys()], [...verdicts.values()]],
    );
  }

  async find(businessId: string, id: string): Promise<UserPattern | undefined> {
    const [found] = await this.read(
      'find a user pattern',
      businessId,
      `select ${COLUMNS} from user_patterns where business_id = $1 and id = $2`,
      [id],
    );
    return found;
  }

  /** Newest first. */
  list(businessId: string, { userId, after, limit }: PatternsWhere): Promise<UserPattern[]> {
    return this.read(
      'list user patterns',
      businessId,
      `select ${COLUMNS} from user_patterns
       where business_id = $1 and ($2::text is null or user_id = $2) and ($3::uuid is null or id < $3)
       order by id desc limit $4`,
      [userId ?? null, after ?? null, limit],
    );
  }

  /** With all that it said. @returns whether it was there */
  async remove(businessId: string, id: string): Promise<boolean> {
    const removed = await this.read(
      'remove a user pattern',
      businessId,
      'delete from user_patterns where business_id = $1 and id = $2 returning id',
      [id],
      false,
    );
    return removed.length > 0;
  }

  private read(
    operation: string,
    businessId: string,
    sql: string,
    parameters: unknown[],
    idempotent = true,
  ): Promise<UserPattern[]> {
    return this.database.transaction(
      operation,
      (tx) => tx.query<UserPattern>(sql, [businessId, ...parameters]),
      {
        businessId,
        idempotent,
      },
    );
  }
}
