import { createHmac, randomBytes } from 'node:crypto';
import { KEY_PREFIX } from '../../kernel/key-ring.js';

const SECRET_BYTES = 32;
const KEY = new RegExp(`^${KEY_PREFIX}([\\w-]{2,171})\\.[\\w-]{43}$`);
const TENANT = /^[\x21-\x7e]{1,128}$/;

/** A new key of the tenant: `msk_<base64url(business_id)>.<256 random bits as base64url>`. */
export function newKey(businessId: string): string {
  return `${KEY_PREFIX}${encoded(businessId)}.${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** The tenant that a key says it belongs to; undefined where it has not the form of a key. */
export function tenantOf(key: string): string | undefined {
  const [, name] = KEY.exec(key) ?? [];
  if (name === undefined) return undefined;
  const businessId = Buffer.from(name, 'base64url').toString('utf8');
  // One tenant is written in one way only.
  return TENANT.test(businessId) && encoded(businessId) === name ? businessId : undefined;
}

/**
 * What is kept of a key. A key is 256 random bits, so nothing slower than HMAC-SHA256 is needed against guessing; and as
 * nobody without the secret can choose what a guess hashes to, the time that an index takes to find it tells nothing.
 */
export function hashOf(key: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(key).digest();
}

/** The end of a key, by which people tell one from another. */
export const lastFourOf = (key: string) => key.slice(-4);

const encoded = (businessId: string) => Buffer.from(businessId, 'utf8').toString('base64url');
