import { timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  Logger,
  type OnModuleInit,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { errors, jwtVerify } from 'jose';
import { Settings } from '../config/settings.js';
import { AppError, invalid } from '../kernel/app-error.js';
import { events } from '../telemetry/events.js';
import { businessId as businessIdField } from './fields.js';

export type AccessScope = 'read' | 'write' | 'operate';

const SCOPE = 'mainstay:scope';
const TENANT_DEFAULT = 'default';

/** What a caller must be allowed to for this route. `public` asks for no credentials. A route without it is refused. */
export const Scope = (scope: AccessScope | 'public') => SetMetadata(SCOPE, scope);

/** What the route asks for; undefined where it does not say. */
export function scopeOf(reflector: Reflector, context: ExecutionContext): AccessScope | 'public' | undefined {
  return reflector.getAllAndOverride<AccessScope | 'public' | undefined>(SCOPE, [
    context.getHandler(),
    context.getClass(),
  ]);
}

/** Who asks. */
export class CallerIdentity {
  /** @param own the tenant that the credentials belong to; undefined where none are asked for */
  constructor(private readonly own: string | undefined) {}

  /**
   * The tenant that the request is for.
   * @param requested what the body and the query say, if they say anything
   * @throws AppError forbidden when it is not the credentials' own
   */
  tenant(...requested: (string | undefined)[]): string {
    const named = [...new Set(requested.filter((r) => r !== undefined))];
    if (named.length > 1) throw invalid('business_id', 'must be the same in the body and in the query');
    const [wanted] = named;
    if (this.own === undefined) return wanted ?? TENANT_DEFAULT;
    if (wanted !== undefined && wanted !== this.own)
      throw new AppError('forbidden', 'These credentials belong to another business_id');
    return this.own;
  }
}

export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext) =>
    (context.switchToHttp().getRequest<FastifyRequest>() as FastifyRequest & { caller?: CallerIdentity })
      .caller,
);

/** Decides who may call what. */
@Injectable()
export class AccessGuard implements CanActivate, OnModuleInit {
  private readonly logger = new Logger('Access');
  private readonly key: Uint8Array | undefined;

  constructor(
    private readonly reflector: Reflector,
    private readonly settings: Settings,
  ) {
    this.key =
      settings.JWT_SECRET_KEY === undefined ? undefined : new TextEncoder().encode(settings.JWT_SECRET_KEY);
  }

  onModuleInit(): void {
    if (this.key !== undefined) return;
    const text =
      'No credentials are asked for, as JWT_SECRET_KEY is not set: whoever reaches this port reads and writes everything';
    // On loopback that is this machine's users, as is usual while developing; elsewhere it is the network.
    if (isLoopback(this.settings.host)) this.logger.log({ event: events.accessOpen }, text);
    else this.logger.warn({ event: events.accessOpen }, text);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest & { caller?: CallerIdentity }>();
    const scope = scopeOf(this.reflector, context);
    if (scope === undefined) throw new AppError('forbidden', 'This route is not open to anybody');
    if (scope === 'public') return true;
    request.caller = scope === 'operate' ? await this.operator(request) : await this.caller(request, scope);
    return true;
  }

  private async caller(request: FastifyRequest, scope: AccessScope): Promise<CallerIdentity> {
    if (this.key === undefined) return new CallerIdentity(undefined);
    const claims = await this.verify(bearer(request), this.key);
    if (!claims.scopes.includes(scope))
      throw new AppError('forbidden', `These credentials lack the scope ${scope}`);
    return new CallerIdentity(claims.businessId);
  }

  /** Operators come with their token, or with a caller's token that has the scope; or from this machine, where neither is set up. */
  private async operator(request: FastifyRequest): Promise<CallerIdentity> {
    const { OPERATOR_TOKEN: token } = this.settings;
    if (token === undefined && this.key === undefined) {
      if (isLoopback(request.ip)) return new CallerIdentity(undefined);
      throw new AppError('forbidden', 'Without OPERATOR_TOKEN this is answered to this machine only');
    }
    const given = (request.method === 'GET' ? password(request) : undefined) ?? bearer(request);
    if (token !== undefined && same(given, token)) return new CallerIdentity(undefined);
    if (this.key === undefined) throw new AppError('unauthorized', 'The operator token is wrong');
    return this.caller(request, 'operate');
  }

  private async verify(token: string, key: Uint8Array): Promise<{ businessId: string; scopes: string[] }> {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ['HS256'],
        clockTolerance: 60,
        requiredClaims: ['exp'],
      });
      const { business_id: businessId, scope } = payload;
      if (!isBusinessId(businessId)) throw new AppError('unauthorized', 'The token names no business_id');
      return { businessId, scopes: typeof scope === 'string' ? scope.split(' ') : [] };
    } catch (error) {
      if (error instanceof AppError) throw error;
      const expired = error instanceof errors.JWTExpired;
      throw new AppError(
        'unauthorized',
        expired ? 'The token has expired: get a new one' : 'The token is not valid',
        { cause: error },
      );
    }
  }
}

function isBusinessId(claim: unknown): claim is string {
  return businessIdField().safeParse(claim).success;
}

function bearer(request: FastifyRequest): string {
  const [, token] = /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined) throw new AppError('unauthorized', 'Send Authorization: Bearer <token>');
  return token;
}

/** As a browser sends it, which knows no other way. Only to look: what changes something must not come from a foreign page. */
function password(request: FastifyRequest): string | undefined {
  const [, encoded] = /^Basic ([\w+/=]+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function isLoopback(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return isIP(plain) === 4 ? plain.startsWith('127.') : plain === '::1';
}
