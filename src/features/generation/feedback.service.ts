import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { newId } from '../../kernel/ids.js';
import { Idempotency } from '../../platform/database/idempotency.js';
import { ci95, rounded } from './estimate.js';
import { GenerationRepository, type Judgement } from './generation.repository.js';
import type { LearningStats } from './generation.schemas.js';

/** Takes in what people think of what was generated, and tells what became of it. It needs the database and nothing else. */
@Injectable()
export class Feedback {
  constructor(
    private readonly repository: GenerationRepository,
    private readonly idempotency: Idempotency,
  ) {}

  /** A second one for the same generation takes the place of the first. @throws AppError not_found */
  async give(businessId: string, generationId: string, judgement: Judgement, key?: string): Promise<string> {
    return this.idempotency.once(
      'store feedback',
      async (tx) => {
        const id = newId();
        if (await this.repository.judge(tx, businessId, { id, generationId, judgement })) return id;
        throw new AppError('not_found', `There is no generation ${generationId}`);
      },
      { businessId, key, request: { feedback: { generationId, judgement } } },
    );
  }

  async stats(businessId: string, contentType: string | undefined): Promise<LearningStats> {
    const { mean, deviation, slope, learned, mean_with, mean_without, ...counts } =
      await this.repository.tally(businessId, contentType);
    const { with_feedback: count, approved } = counts;
    return {
      business_id: businessId,
      content_type: contentType ?? null,
      ...counts,
      approval_rate: count === 0 ? null : rounded(approved / count),
      score: {
        mean: orNull(mean),
        ci95: mean === null ? null : ci95(count, mean, deviation ?? 0),
        trend: orNull(slope),
      },
      learned: {
        generations: learned,
        score_mean_with: orNull(mean_with),
        score_mean_without: orNull(mean_without),
      },
    };
  }
}

const orNull = (value: number | null) => (value === null ? null : rounded(value));
