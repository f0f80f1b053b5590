import { hash } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Settings } from '../config/settings.js';
import { AppError } from '../kernel/app-error.js';
import { type Level, Limits, type Rate } from '../resilience/limits.js';
import { Metrics } from '../telemetry/metrics.js';
import { type IdentifiedRequest, scopeOf } from './access.js';
import { Mark } from './mark.js';

const VECTORS = new Mark<true>('mainstay:vectors');
// Where credentials are asked for and nothing else is said.
const REQUESTS_DEFAULT = 1_000;
const VECTOR_REQUESTS_DEFAULT = 10;
const SECOND_MS = 1_000;
const PLAIN = /^[\w-]{1,64}$/;

/** Marks a route that embeds or searches: it has a limit of its own beside that of all routes. */
export const VectorLimited = () => VECTORS.set(true);

/** A rate that is counted for somebody. */
interface Quota {
  /** What is limited, as clients and metrics see it: `vector`, `key`, `tenant` or `address`. */
  policy: string;
  rate: Rate;
  /** For whom. */
  bucket: string;
}

/**
 * Keeps each caller, and all callers of a tenant together, within their limits, and tells them what is left in the header
 * fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). It counts with the other replicas by
 * the same `Limits` as calls to providers: while Redis is away, by this replica's share. Probes and operators have none.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly requests: Rate;
  private readonly tenantRequests: Rate;
  private readonly vectorRequests: Rate;

  constructor(
    private readonly limits: Limits,
    private readonly metrics: Metrics,
    settings: Settings,
  ) {
    const { credentials, RATE_LIMIT_WINDOW: windowS } = settings;
    const perMs = windowS * 1_000;
    const amount = settings.RATE_LIMIT_REQUESTS ?? (credentials ? REQUESTS_DEFAULT : 0);
    this.requests = { amount, perMs };
    this.tenantRequests = { amount: settings.TENANT_RATE_LIMIT_REQUESTS ?? amount, perMs };
    this.vectorRequests = {
      amount: settings.VECTOR_RATE_LIMIT_REQUESTS ?? (credentials ? VECTOR_REQUESTS_DEFAULT : 0),
      perMs: SECOND_MS,
    };
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const scope = scopeOf(context);
    if (scope === 'public' || scope === 'operate') return true;
    const http = context.switchToHttp();
    const quotas = this.quotasOf(http.getRequest<IdentifiedRequest>(), VECTORS.of(context) === true);
    if (quotas.length === 0) return true;
    return this.spend(quotas, http.getResponse<FastifyReply>());
  }

  /** The one that flows in again soonest comes first: what was spent before a refusal is lost. */
  private quotasOf({ caller, ip }: IdentifiedRequest, vectors: boolean): Quota[] {
    const tenant = caller?.own;
    const who = tenant === undefined ? `address.${ip}` : `key.${nameOf(tenant, caller?.subject ?? '')}`;
    const quotas: (Quota | false)[] = [
      vectors && { policy: 'vector', rate: this.vectorRequests, bucket: `vector.${who}` },
      { policy: tenant === undefined ? 'address' : 'key', rate: this.requests, bucket: who },
      tenant !== undefined && {
        policy: 'tenant',
        rate: this.tenantRequests,
        bucket: `tenant.${nameOf(tenant)}`,
      },
    ];
    return quotas.filter((quota) => quota !== false).filter(({ rate }) => rate.amount > 0);
  }

  /** @throws AppError rate_limited */
  private async spend(quotas: readonly Quota[], reply: FastifyReply): Promise<true> {
    void reply.header('ratelimit-policy', quotas.map(policyField).join(', '));
    let levels = '';
    for (const { policy, rate, bucket } of quotas) {
      const grant = await this.limits.take(`http.${bucket}`, rate, 1);
      levels += `${levels === '' ? '' : ', '}${levelField(policy, grant)}`;
      if (grant.granted) continue;
      void reply.header('ratelimit', levels);
      this.metrics.count('rateLimited', { policy });
      const detail = `No more than ${rate.amount} requests in ${rate.perMs / 1_000} s (${SUBJECTS[policy]}): wait as long as Retry-After says`;
      throw new AppError('rate_limited', detail, { retryAfterMs: grant.waitMs });
    }
    void reply.header('ratelimit', levels);
    return true;
  }
}

const SUBJECTS: Record<string, string> = {
  vector: 'that search or embed, for each caller',
  key: 'for each API key or token',
  tenant: 'for all credentials of a business_id together',
  address: 'for each address',
};

function policyField({ policy, rate }: Quota): string {
  return `"${policy}";q=${rate.amount};w=${rate.perMs / 1_000}`;
}

function levelField(policy: string, { left, fullInMs }: Level): string {
  return `"${policy}";r=${left};t=${Math.ceil(fullInMs / 1_000)}`;
}

/** Short, and of letters that can stand in any name: what is neither has a hash for its name. */
function nameOf(...parts: readonly string[]): string {
  return parts
    .map((part) => (PLAIN.test(part) ? part : `#${hash('sha256', part, 'base64url').slice(0, 22)}`))
    .join('.');
}
