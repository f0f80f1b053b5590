import { Injectable, Logger } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Settings } from '../config/settings.js';
import { AppError } from '../kernel/app-error.js';
import { events } from '../telemetry/events.js';
import { Traffic } from '../telemetry/traffic.js';
import { toAppError } from './problem.js';

/** The answers that are streams: how many each tenant has open, and what went wrong inside of one. */
@Injectable()
export class OpenStreams {
  private readonly logger = new Logger('Http');
  private readonly open = new Map<string, number>();

  constructor(
    private readonly settings: Settings,
    private readonly traffic: Traffic,
  ) {}

  /**
   * Takes a place.
   * @returns what gives it back
   * @throws AppError rate_limited when the tenant has none left
   */
  enter(tenant: string): () => void {
    const { STREAMS_PER_TENANT_MAX: max } = this.settings;
    const open = this.open.get(tenant) ?? 0;
    if (open >= max) {
      const detail = `${open} streams are open for this business_id, and STREAMS_PER_TENANT_MAX allows no more: wait until one has ended`;
      throw new AppError('rate_limited', detail, { retryAfterMs: 1_000 });
    }
    this.open.set(tenant, open + 1);
    return () => {
      const left = this.open.get(tenant)! - 1;
      if (left === 0) this.open.delete(tenant);
      else this.open.set(tenant, left);
    };
  }

  /** Counts what ended a stream, and logs it where it is ours. @returns what its reader is told */
  failed(request: FastifyRequest, error: unknown): AppError {
    const shown = toAppError(error);
    this.traffic.failed(shown.code);
    if (shown.code === 'internal') {
      const facts = { event: events.requestFailed, code: shown.code, request_id: request.id, err: error };
      this.logger.error(facts, `${request.method} ${request.url} failed`);
    }
    return shown;
  }
}
