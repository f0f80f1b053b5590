import { z } from 'zod';
import { businessId, cursor, id, limit, nonBlank } from '../../http/fields.js';
import { ACCESS_SCOPES } from '../../kernel/key-ring.js';

const DAY_S = 86_400;
const LIFE_DAYS_MAX = 3_650;
const GRACE_S_MAX = 30 * DAY_S;
const GRACE_S_DEFAULT = 3_600;

const scopes = () =>
  z
    .array(z.enum(ACCESS_SCOPES, { error: `must be one of ${ACCESS_SCOPES.join(', ')}` }))
    .min(1)
    .max(3);

const whole = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.number({ error }).int(error).min(min, error).max(max, error);
};

export const newKeyRequest = z
  .strictObject({
    name: nonBlank(200),
    scopes: scopes()
      .transform((given) => [...new Set(given)])
      .default(['read', 'write']),
    expires_in_days: whole(1, LIFE_DAYS_MAX)
      .nullable()
      .default(null)
      .describe('null: it is valid until it is revoked'),
    business_id: businessId().optional(),
  })
  .meta({ id: 'NewKey', example: { name: 'crm', scopes: ['read', 'write'] } });

/** `expires_in_days` as a number of seconds. */
export const lifeOf = (days: number | null) => (days === null ? null : days * DAY_S);

export const rotationRequest = z
  .strictObject({
    grace_s: whole(0, GRACE_S_MAX)
      .default(GRACE_S_DEFAULT)
      .describe('For so many seconds the old key goes on to be valid'),
    business_id: businessId().optional(),
  })
  .meta({ id: 'KeyRotation', examples: [{}] });

export const keyId = z.strictObject({ id: id() });

export const keyQuery = z.strictObject({
  limit: limit(50, 200),
  cursor: cursor().optional(),
  business_id: businessId().optional(),
});

const shown = {
  id: id(),
  business_id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(ACCESS_SCOPES)),
  last_four: z.string().describe('The end of the key'),
  status: z.enum(['active', 'replaced', 'expired', 'revoked']),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  revoked_at: z.iso.datetime().nullable(),
  replaced_by: id().nullable(),
};

export const keyView = z.strictObject(shown).meta({ id: 'Key' });

export const madeKeyView = z
  .strictObject({ ...shown, key: z.string().describe('Shown this once, and kept nowhere') })
  .meta({ id: 'MadeKey' });

export const rotatedKeyView = z
  .strictObject({
    ...shown,
    key: z.string().describe('Shown this once, and kept nowhere'),
    replaces: keyView,
  })
  .meta({ id: 'RotatedKey' });

export const tokenView = z
  .strictObject({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.number().int().describe('Seconds'),
    scope: z.string().describe('Separated by spaces'),
  })
  .meta({ id: 'AccessToken' });
