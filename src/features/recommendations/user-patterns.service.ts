import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { newId } from '../../kernel/ids.js';
import { Idempotency } from '../../platform/database/idempotency.js';
import { type UserFacts, verdictsOf } from './user.facts.js';
import { type PatternsWhere, type UserPattern, UserPatternsRepository } from './user-patterns.repository.js';

/** Keeps what clients say of their users. */
@Injectable()
export class UserPatterns {
  constructor(
    private readonly repository: UserPatternsRepository,
    private readonly idempotency: Idempotency,
  ) {}

  /** @param key under which the client may send it again and get the same answer. @returns its id */
  accept(
    businessId: string,
    userId: string,
    data: UserFacts & Record<string, unknown>,
    key?: string,
  ): Promise<string> {
    return this.idempotency.once(
      'store a user pattern',
      async (tx) => {
        const id = newId();
        await this.repository.store(
          tx,
          businessId,
          { id, user_id: userId, pattern_data: data },
          verdictsOf(data),
        );
        return id;
      },
      { businessId, key, request: { 'user-patterns': { userId, data } } },
    );
  }

  /** @throws AppError not_found */
  async find(businessId: string, id: string): Promise<UserPattern> {
    return (await this.repository.find(businessId, id)) ?? missing(id);
  }

  list(businessId: string, where: PatternsWhere): Promise<UserPattern[]> {
    return this.repository.list(businessId, where);
  }

  /** What it said is forgotten with it: what it alone called seen may be recommended again. @throws AppError not_found */
  async remove(businessId: string, id: string): Promise<void> {
    if (!(await this.repository.remove(businessId, id))) missing(id);
  }
}

function missing(id: string): never {
  throw new AppError('not_found', `There is no user pattern ${id}`);
}
