import { Injectable } from '@nestjs/common';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { Settings } from '../config/settings.js';
import { AppError } from '../kernel/app-error.js';
import type { KeyHolder } from '../kernel/key-ring.js';
import { businessId as businessIdField } from './fields.js';

const ALGORITHM = 'HS256';
// How far the clocks of whoever signs and of whoever checks may be apart.
const CLOCK_TOLERANCE_S = 60;

/** Whom a token stands for. */
export interface TokenHolder {
  businessId: string;
  scopes: readonly string[];
  /** The claim `sub`; undefined where the token names nobody. */
  subject: string | undefined;
}

/** Bearer tokens (JWT, HS256): checked without asking anybody, so they are as good as their expiry and cannot be taken back. */
@Injectable()
export class Tokens {
  private readonly secret: Uint8Array | undefined;
  private readonly lifeS: number;

  constructor(settings: Settings) {
    const { JWT_SECRET_KEY: secret, ACCESS_TOKEN_EXPIRE_MINUTES: minutes } = settings;
    this.secret = secret === undefined ? undefined : new TextEncoder().encode(secret);
    this.lifeS = minutes * 60;
  }

  /** @throws AppError unauthorized */
  async verify(token: string): Promise<TokenHolder> {
    if (this.secret === undefined)
      throw new AppError('unauthorized', 'This is no API key, and tokens are not taken here');
    const payload = await verified(token, this.secret);
    const { business_id: businessId, scope, sub } = payload;
    if (!isBusinessId(businessId)) throw new AppError('unauthorized', 'The token names no business_id');
    return { businessId, scopes: typeof scope === 'string' ? scope.split(' ') : [], subject: sub };
  }

  /**
   * A token with the tenant and the scopes of a key, which lives no longer than the key.
   * @param holder whom the key stands for; undefined where the caller came with something else
   * @throws AppError forbidden without a key; conflict where tokens are not given
   */
  async exchange(holder: KeyHolder | undefined): Promise<{ token: string; lifeS: number; scope: string }> {
    if (this.secret === undefined)
      throw new AppError('conflict', 'Tokens need JWT_SECRET_KEY to be set: send the API key itself');
    if (holder === undefined)
      throw new AppError('forbidden', 'Only an API key can be changed for a token: send one as the bearer');
    const { keyId, businessId, scopes, leftMs = Infinity } = holder;
    const lifeS = Math.max(1, Math.min(this.lifeS, Math.floor(leftMs / 1_000)));
    const scope = scopes.join(' ');
    const nowS = Math.floor(Date.now() / 1_000);
    const token = await new SignJWT({ business_id: businessId, scope })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
      .setSubject(keyId)
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + lifeS)
      .sign(this.secret);
    return { token, lifeS, scope };
  }
}

async function verified(token: string, secret: Uint8Array): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: [ALGORITHM],
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ['exp'],
    });
    return payload;
  } catch (error) {
    const expired = error instanceof errors.JWTExpired;
    const detail = expired ? 'The token has expired: get a new one' : 'The token is not valid';
    throw new AppError('unauthorized', detail, { cause: error });
  }
}

function isBusinessId(claim: unknown): claim is string {
  return businessIdField().safeParse(claim).success;
}
