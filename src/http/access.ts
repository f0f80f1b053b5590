import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  Logger,
  type OnModuleInit,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Settings } from '../config/settings.js';
import { AppError, invalid } from '../kernel/app-error.js';
import { type AccessScope, KEY_PREFIX, type KeyHolder, KeyRing } from '../kernel/key-ring.js';
import { events } from '../telemetry/events.js';
import { Mark } from './mark.js';
import { Tokens } from './tokens.js';

const SCOPE = new Mark<RouteScope>('mainstay:scope');
const TENANT_DEFAULT = 'default';

/** What a route asks for. `public`: no credentials. `any`: some that are valid, whatever their scopes. */
export type RouteScope = AccessScope | 'public' | 'any';

/** What a caller must be allowed to for this route. A route without it is refused. */
export const Scope = (scope: RouteScope) => SCOPE.set(scope);

/** What the route asks for; undefined where it does not say. */
export function scopeOf(context: ExecutionContext): RouteScope | undefined {
  return SCOPE.of(context);
}

/** Who asks. */
export class CallerIdentity {
  /**
   * @param own the tenant that the credentials belong to; undefined where none are asked for, and for operators
   * @param subject whom they stand for within the tenant: the id of the key, or the claim `sub` of the token
   * @param key whom the API key stands for, where the caller came with one
   */
  constructor(
    readonly own: string | undefined,
    readonly subject?: string,
    readonly key?: KeyHolder,
  ) {}

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

export type IdentifiedRequest = FastifyRequest & { caller?: CallerIdentity };

export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<IdentifiedRequest>().caller,
);

/** Decides who may call what. */
@Injectable()
export class AccessGuard implements CanActivate, OnModuleInit {
  private readonly logger = new Logger('Access');

  constructor(
    private readonly settings: Settings,
    private readonly keys: KeyRing,
    private readonly tokens: Tokens,
  ) {}

  onModuleInit(): void {
    if (this.settings.credentials) return;
    const text =
      'No credentials are asked for, as neither SECRET_KEY nor JWT_SECRET_KEY is set: whoever reaches this port reads and writes everything';
    // On loopback that is this machine's users, as is usual while developing; elsewhere it is the network.
    if (isLoopback(this.settings.host)) this.logger.log({ event: events.accessOpen }, text);
    else this.logger.warn({ event: events.accessOpen }, text);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<IdentifiedRequest>();
    const scope = scopeOf(context);
    if (scope === undefined) throw new AppError('forbidden', 'This route is not open to anybody');
    if (scope === 'public') return true;
    request.caller = await (scope === 'operate' ? this.operator(request) : this.caller(request, scope));
    return true;
  }

  private async caller(request: FastifyRequest, scope: AccessScope | 'any'): Promise<CallerIdentity> {
    if (!this.settings.credentials) return new CallerIdentity(undefined);
    return this.identify(bearer(request), scope);
  }

  /** Operators come with their token, or with a caller's credentials that have the scope; or from this machine, where neither is set up. */
  private async operator(request: FastifyRequest): Promise<CallerIdentity> {
    const { OPERATOR_TOKEN: token, credentials } = this.settings;
    if (token === undefined && !credentials) {
      if (isFromHere(request)) return new CallerIdentity(undefined);
      throw new AppError('forbidden', 'Without OPERATOR_TOKEN this is answered to this machine only');
    }
    const given = (request.method === 'GET' ? password(request) : undefined) ?? bearer(request);
    if (token !== undefined && same(given, token)) return new CallerIdentity(undefined);
    if (!credentials) throw new AppError('unauthorized', 'The operator token is wrong');
    return this.identify(given, 'operate');
  }

  /** @throws AppError unauthorized, forbidden; DependencyError when it cannot be found out now */
  private async identify(credentials: string, scope: AccessScope | 'any'): Promise<CallerIdentity> {
    const key = credentials.startsWith(KEY_PREFIX) ? await this.keys.verify(credentials) : undefined;
    const { businessId, scopes, subject } =
      key === undefined ? await this.tokens.verify(credentials) : { ...key, subject: key.keyId };
    if (scope !== 'any' && !scopes.includes(scope))
      throw new AppError('forbidden', `These credentials lack the scope ${scope}`);
    return new CallerIdentity(businessId, subject, key);
  }
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
  // As hashes they are of one length, so that not even that is told by the time it takes.
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(left!, right!);
}

/** From this machine, and not from elsewhere through a proxy on it. */
function isFromHere({ socket, headers }: FastifyRequest): boolean {
  const forwarded = headers.forwarded ?? headers['x-forwarded-for'];
  return forwarded === undefined && isLoopback(socket.remoteAddress ?? '');
}

function isLoopback(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return isIP(plain) === 4 ? plain.startsWith('127.') : plain === '::1';
}
